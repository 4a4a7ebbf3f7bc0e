// What dashboards look like, from the schema of Grafana.
module peerstorm.dev/test/check

go 1.24

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
