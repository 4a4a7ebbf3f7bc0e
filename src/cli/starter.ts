// What `peerstorm init` writes.
export const starter = `# For completion in an editor: peerstorm schema > testnet.schema.json
# yaml-language-server: $schema=testnet.schema.json
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata:
  name: my-testnet
spec:
  randomSeed: 1
  groups:
    - { name: boot, count: 1, kind: reference, bootstrap: true }
    - { name: miner, count: 4, kind: reference, role: miner, config: { blockInterval: 2s } }
    - { name: full, count: 7, kind: reference }
  topology: { model: random-regular, degree: 4 }
  faults:
    - name: cut
      at: 5s
      for: 20s
      partition:
        sides: [{ nodes: [miner-0, miner-1, full-0, full-1] }] # the rest is the other side
  expect:
    - { name: two halves, during: cut, throughout: true, metric: components, is: ">= 2" }
    - { name: whole again, after: cut, within: 30s, metric: components, is: "== 1" }
    - { name: one chain, after: cut, within: 30s, metric: distinct_tips, is: "== 1" }
`;
