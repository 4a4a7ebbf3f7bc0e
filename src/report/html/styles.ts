// The look of the page: light and dark by the reader's setting, light when printed. Colours are
// Okabe and Ito's, which people with colour blindness can tell apart (https://jfly.uni-koeln.de/color/).

const light = `
  --page: #f6f7f9; --card: #fff; --text: #1a1f26; --soft: #5b6673; --line: #dfe3e8; --rail: #c9d0d8;
  --passed: #0b7a4b; --failed: #b3261e; --error: #9a5b00; --link: #0b5cad;
  --passed-back: #e3f4ec; --failed-back: #fbe6e4; --error-back: #fdf0da;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #8a6d00; --c5: #3d8fc4;
  --shade: 0.13;`;
const dark = `
  --page: #12161b; --card: #1a2027; --text: #e6eaef; --soft: #9aa6b3; --line: #2b333d; --rail: #3b4653;
  --passed: #4cc38a; --failed: #ff8378; --error: #f2b04c; --link: #7db8f5;
  --passed-back: #14301f; --failed-back: #3a1a18; --error-back: #35270f;
  --c0: #56b4e9; --c1: #ff8a3d; --c2: #2fc79b; --c3: #e39ac4; --c4: #f0e442; --c5: #9ad1f5;
  --shade: 0.2;`;
const six = [0, 1, 2, 3, 4, 5];

export const styles = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px 20px; }
header { background: var(--card); border-top: 6px solid var(--tone); border-bottom: 1px solid var(--line);
  margin-bottom: 20px; }
header > div { max-width: 1120px; margin: 0 auto; padding: 18px 20px 20px; }
header.passed { --tone: var(--passed); } header.failed { --tone: var(--failed); }
header.error { --tone: var(--error); }
h1 { font-size: 28px; line-height: 1.2; margin: 0; font-weight: 650; }
h1 em { font-style: normal; color: var(--tone); }
header p { margin: 6px 0 16px; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 10px 44px; margin: 0; }
dt { color: var(--soft); font-size: 12px; } dd { margin: 0; font-weight: 600; font-size: 14px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px 20px;
  margin: 0 0 16px; }
#problems { border-left: 4px solid var(--error); }
h2 { font-size: 17px; margin: 0 0 10px; } h3 { font-size: 14px; margin: 16px 0 6px; }
h4 { font-size: 13px; margin: 0 0 2px; font-weight: 600; }
a { color: var(--link); } small, .note { color: var(--soft); } .note { margin: 0 0 8px; font-size: 13px; }
code { font: 13px/1.5 ui-monospace, monospace; } pre { background: var(--page); border: 1px solid var(--line);
  border-radius: 6px; padding: 10px 12px; margin: 8px 0; white-space: pre-wrap; }
[role=table] { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
[role=table] th { text-align: left; font-size: 12px; font-weight: 600; color: var(--soft); padding: 4px 14px 6px 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
[role=table] td { padding: 7px 14px 7px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
[role=table] tr:last-child td { border-bottom: 0; }
[role=table] td:last-child, [role=table] th:last-child { padding-right: 0; }
td ul { margin: 0; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
.measure { white-space: nowrap; }
.badge { display: inline-block; border-radius: 99px; padding: 0 9px; font-size: 13px; font-weight: 600;
  white-space: nowrap; }
.badge.passed, .badge.ok { color: var(--passed); background: var(--passed-back); }
.badge.failed, .badge.void { color: var(--failed); background: var(--failed-back); }
.badge.error, .badge.warned { color: var(--error); background: var(--error-back); }
.spark { width: 150px; height: 34px; display: block; }
.spark .line { fill: none; stroke-width: 1.8; } .spark .claim { stroke: var(--soft); stroke-dasharray: 3 3; }
.line.passed { stroke: var(--passed); } .line.failed { stroke: var(--failed); } .line.error { stroke: var(--error); }
circle.passed { fill: var(--passed); } circle.failed { fill: var(--failed); } circle.error { fill: var(--error); }
.bands { display: grid; grid-template-columns: minmax(90px, 190px) 1fr; align-items: center; gap: 0 14px; }
.bands .name { line-height: 1.25; padding: 3px 0; }
.band { width: 100%; height: 28px; overflow: visible; } .axis { width: 100%; height: 18px; overflow: visible; }
.axis text { fill: var(--soft); font-size: 11px; }
.rail { stroke: var(--line); } .planned { fill: none; stroke: var(--rail); stroke-dasharray: 3 3; }
.actual { fill-opacity: 0.75; } .actual.unproved { fill-opacity: 0.2; } .start { stroke-width: 2; }
.mark { overflow: visible; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 18px 28px;
  margin-top: 18px; }
.plot { min-width: 0; } .u-legend { text-align: left !important; margin: 0 !important; font-size: 12px !important; }
.u-legend th { font-weight: 400 !important; }
.graphs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); gap: 12px; }
figure { margin: 0; } figure > svg { width: 100%; max-width: 360px; display: block; margin: 0 auto; }
figcaption { font-size: 13px; } figcaption ul { list-style: none; margin: 2px 0 0; padding: 0; color: var(--soft); }
figcaption li { display: inline-block; margin-right: 12px; } .key { width: 9px; height: 9px; }
.ground { fill: var(--page); }
.edges { fill: none; stroke: var(--soft); stroke-opacity: 0.45; }
.gone { fill: none; stroke: var(--failed); stroke-opacity: 0.4; stroke-dasharray: 2 4; }
.node { stroke: var(--card); } .silent { fill: var(--card); stroke: var(--soft); }
.victim { fill: none; stroke: var(--text); stroke-width: 1.5; }
.names text { font-size: 11px; text-anchor: middle; fill: var(--soft); paint-order: stroke; stroke: var(--card);
  stroke-width: 3px; }
${six.map((i) => `.fault${i} { fill: var(--c${i}); } line.fault${i} { stroke: var(--c${i}); } .tip${i} { fill: var(--c${i}); }`).join('\n')}
summary { cursor: pointer; text-transform: capitalize; font-weight: 600; font-size: 17px; } summary small { font-weight: 400; }
details[open] summary { margin-bottom: 10px; }
.events { font: 13px/1.6 ui-monospace, monospace; margin: 0; padding: 0; list-style: none; }
.events span { display: inline-block; min-width: 76px; color: var(--soft); text-align: right; margin-right: 12px; }
@media screen and (max-width: 700px) {
  main, footer, header > div { padding-left: 12px; padding-right: 12px; } section { padding: 14px; }
  h1 { font-size: 23px; }
  [role=table], [role=rowgroup], [role=row], [role=table] [role=cell] { display: block; }
  thead { position: absolute; left: -9999px; }
  [role=row] { border-bottom: 1px solid var(--line); padding: 8px 0; }
  [role=row]:last-child { border: 0; padding-bottom: 0; }
  [role=table] [role=cell] { border: 0; padding: 2px 0; display: grid; grid-template-columns: 96px 1fr; gap: 8px; }
  [role=cell]::before { content: attr(data-label); color: var(--soft); font-size: 12px; padding-top: 2px; }
}
@media print { body { background: #fff; font-size: 12px; } section, header { border-color: #ccc; }
  section, figure, tr, .plot { break-inside: avoid; } #graph, #nodes, #events { break-inside: auto; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;
