// The tour: one spec that shows the whole syntax. docs/spec.md opens with it and a test keeps it
// valid. It declares delays, so running it needs a kernel with netem.
export const tour = `\
# yaml-language-server: $schema=spec.schema.json
apiVersion: peerstorm.dev/v1alpha1
kind: Testnet
metadata: { name: tour }
spec:
  randomSeed: 7                                # same file and seed, same plan, byte for byte
  network:
    regions: [{ name: eu }, { name: us }, { name: ap }]
    links:                                     # delay is one way; rtt is split over both directions
      - { between: [eu, us], rtt: 85ms, jitter: 5ms }
      - { between: [eu, ap], rtt: 160ms, loss: 0.1% }
      - { default: true, rtt: 120ms }          # pairs of different regions without a between
      - { within: ap, rate: 100mbit }
  groups:
    - { name: boot, count: 2, kind: reference, bootstrap: true }
    - name: miner
      count: 6
      kind: reference
      role: miner
      config: { blockInterval: 10s }
      regions: { eu: 50%, us: 50% }            # shares
    - { name: full, count: 20, kind: reference, regions: { eu: 1, us: 1, ap: 1 } }    # weights
    - name: evil
      count: 3
      kind: reference
      role: adversary
      resources: { cpus: 0.5, memory: 256MiB }
  topology: { model: random-regular, degree: 8 }
  discovery: { seeds: { group: boot } }        # the default: all groups with bootstrap: true
  faults:
    - name: cable-cut
      at: 60s
      for: 45s
      partition: { sides: [{ region: eu }, { regions: [us, ap] }] }
    - name: flaky
      at: 3m
      for: 30s
      link: { from: { group: full }, to: { group: miner }, loss: 10%, delay: 50ms, jitter: 10ms }
    - name: eclipse
      at: 4m
      for: 60s
      eclipse: { victims: { node: full-3 }, attackers: { group: evil } }
    - { name: reboot, at: 330s, restart: { targets: { group: full, sample: 25% }, downtime: 5s } }
  expect:
    - { name: halves fork, during: cable-cut, metric: distinct_tips, is: ">= 2", settle: 20s }
    - { name: chain heals, after: cable-cut, within: 90s, metric: distinct_tips, is: "== 1" }
    - name: nobody alone
      always: true
      metric: node_peers
      of: { group: full }
      aggregate: min
      is: ">= 1"
      except: [eclipse, reboot]
      settle: 15s
    - name: victim blind
      during: eclipse
      throughout: true
      metric: eclipse_ratio
      of: { node: full-3 }
      is: ">= 0.99"
      settle: 10s
    - { name: no panics, log: { of: {}, matches: "panic|fatal" }, count: "== 0" }
`;
