{{/* What controller and agents may do in the namespaces of testnets, and in their own. The committed
     table test/cluster/can-i.yaml says the same in other words, and is held against a real server. */}}
{{- define "peerstorm.controllerRules" -}}
- apiGroups: [peerstorm.dev]
  resources: [testnets]
  # patch: the finalizer. delete: spec.afterRun.
  verbs: [get, list, watch, patch, delete]
- apiGroups: [peerstorm.dev]
  resources: [faults]
  verbs: [get, list, watch, patch]
- apiGroups: [peerstorm.dev]
  resources: [testnets/status, faults/status]
  verbs: [patch]
- apiGroups: [peerstorm.dev]
  # Where OwnerReferencesPermissionEnforcement is on: to own what blocks a Testnet's deletion.
  resources: [testnets/finalizers]
  verbs: [update]
- apiGroups: [peerstorm.dev]
  resources: [networkstates]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
- apiGroups: [""]
  # Expectations on logs.
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [services, configmaps, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "peerstorm.controllerOwnRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update, patch]
- apiGroups: [peerstorm.dev]
  # delete: of hosts that are gone.
  resources: [hostreports]
  verbs: [list, watch, delete]
- apiGroups: [""]
  # What passwords of nodes are made from; made once, with a name that `create` cannot be held to.
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [peerstorm-node-passwords]
  verbs: [get]
{{- end -}}

{{- define "peerstorm.agentRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [peerstorm.dev]
  resources: [testnets, networkstates]
  verbs: [get, list, watch]
{{- end -}}

{{- define "peerstorm.agentOwnRules" -}}
- apiGroups: [peerstorm.dev]
  resources: [hostreports]
  verbs: [get, list, watch, create, patch]
{{- end -}}
