// What docs/spec.md says besides its tables: the meaning of fields that no single field can tell.

export const introduction = `\
One YAML file describes one testnet: its nodes, the network between them, what is broken when, and
what must be true. The file is YAML 1.2, one document, at most 1 MiB; anchors, aliases and merge
keys (\`<<\`) work. Unknown keys are errors. \`peerstorm validate FILE\` names every problem with
file, line and column. For completion in an editor, start the file with the first line below and
point it at [spec.schema.json](spec.schema.json) (or write one with \`peerstorm schema\`).

Plain scalars that YAML 1.1 reads differently (\`no\`, \`on\`, \`y\`, \`010\`, \`1_000\`,
\`1:30\`) are refused, because other tools would see other values: write them in quotes.
`;

export const quantities = `\
Quantities are text with a unit; a bare number is an error.

| type | units | examples |
|---|---|---|
| Duration | \`us\` \`ms\` \`s\` \`m\` \`h\`, at most 500h | \`150ms\` \`10s\` \`2m\` |
| Ratio | \`%\`, at most 100% | \`10%\` \`0.1%\` |
| Rate | \`bit\` \`kbit\` \`mbit\` \`gbit\` per second, powers of 1000 | \`512kbit\` \`20mbit\` |
| Size | \`B\` \`KiB\` \`MiB\` \`GiB\`, powers of 1024 | \`64KiB\` \`256MiB\` |
`;

export const names = `\
Names of testnets, groups, regions and faults have lower-case letters, digits and \`-\`, start
with a letter, end with a letter or digit, and have at most 24 characters. The nodes of a group
are \`<group>-<index>\`, index from 0. Names of expectations are free text.
`;

export const selectors = `\
A selector says which nodes. All fields that are given must hold; a list holds if one of its
members does; \`{}\` is everybody. \`not\` takes nodes out, and \`sample\` then draws so many of
the rest, by \`randomSeed\`: the same nodes each time, and growing a group moves at most one of
them. A selector that selects nobody and a share that rounds to zero are errors.
`;

export const clock = `\
Time 0 is when every node is ready, answers and, if \`peered\`, has a peer; \`at\` counts from
there. A fault is on from its \`at\` for its \`for\`. A kill is over at once and its nodes stay
away; a restart is over when its nodes are ready again.

A run ends when every fault is over and every \`at\`, \`during\` and \`after\` claim is settled;
\`always\` and \`log\` claims settle then. With \`duration\` it ends there, and a claim that is
not settled fails. A node that exits unasked after time 0 fails the run, unless \`restartPolicy\`
is \`always\`.
`;

export const claims = `\
| claim | holds if |
|---|---|
| \`at: 90s\` | \`is\` is true in the sample at that time |
| \`during: FAULT\` | it is true for \`stays\` (3s) at some time while the fault is on |
| \`during: FAULT, throughout: true\` | it is true in every sample while the fault is on |
| \`after: FAULT, within: 60s\` | within that time of the heal it begins to be true for \`stays\` |
| \`always: true\` | it is true in every sample; \`except\` leaves their windows out |
| \`log: { of, matches }\` | the number of lines that match satisfies \`count\` |

\`settle\` skips so much of the start of a window, and after the end of a window left out by
\`except\`.

Metrics are network-wide (\`distinct_tips\`, \`components\`, ...) or of each node (\`node_peers\`,
\`node_height\`, ...); [metrics.md](metrics.md) lists them. For those of nodes, \`of\` selects
nodes and \`aggregate\` folds them into one number; without it every selected node must satisfy
\`is\`. On a network-wide metric both are errors. Metrics range over the nodes that answer. A
metric that was never observed is a failure that says so, never a pass. Nodes that a fault took
down are left out until they are ready again and \`settle\` has passed.

\`is\` compares with a number or a quantity: \`>= <= == != > <\`.
`;

export const faults = `\
When several faults hit the packets from one node to another, dropping wins over rejecting, and
both win over the rest; losses combine as independent chances; delays add; jitters add in
quadrature; the smallest rate counts. Taking a fault away leaves exactly the others. Links between
regions are under all of them. A fault never touches a node's loopback nor the way it is observed.

\`jitter\` is the sigma of a normal distribution around the delay; it reorders packets, as jitter
in a real network with many paths does. \`delay\`, \`jitter\`, \`duplicate\`, \`corrupt\`,
\`reorder\` and \`burst\` need a kernel with netem: \`peerstorm doctor\` tells.
`;

export const regions = `\
A link is about exactly one of \`between\` (two regions), \`within\` (one region) or \`default\`
(every pair of different regions without a \`between\`; never added to one). Inside a region only
\`within\` applies. \`rtt\` gives half of it to each direction, and its jitter divided by the
square root of 2; \`delay\`, \`loss\` and \`rate\` hold in each direction.

A group is spread over regions by \`regions\`: numbers are weights, percentages are shares that
add up to 100%. Without it a group is spread evenly over all. Growing a group moves no node.
`;

export const edges = `\
The list is text: two nodes a line with white space between, the first dials the second; \`#\`
starts a comment. It is what \`networkx.write_edgelist(graph, path, data=False)\` writes for nodes
that are named like those of the testnet.

\`\`\`text
# who dials whom
full-0 boot-0
full-1 full-0
\`\`\`

Its problems are named with file, line and column like those of the spec. The edges are part of the
plan: the same list and spec give the same plan, wherever the list stands, and a list that is changed
later changes nothing about a run. A list may have 16 MiB; what a cluster takes of it is said in
[kubernetes.md](kubernetes.md#edges-of-a-large-graph).
`;
