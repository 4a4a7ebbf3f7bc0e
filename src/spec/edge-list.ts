// A list of edges in a file of its own (`topology.edgesFrom`) -> edges, and all that is wrong with
// it, each with line and column there. Two nodes a line with white space between, the first dials
// the second; `#` starts a comment, empty lines are nothing: what networkx writes with data=False.
// Whether the nodes exist is for the plan to find, as of edges in the spec; `place` turns what it
// says about an edge into words about the line.
import { checkEdges } from './checks.ts';
import { valueAt } from './issues.ts';
import { positionsIn } from './positions.ts';
import { type Elsewhere, error, type Finding, type Path, warning } from './problems.ts';
import { refusalOf } from './refusals.ts';
import { type EdgesFrom, edgesFrom } from './schema.ts';

export type EdgeList = {
  /** As it was read. */
  readonly text: string;
  readonly edges: readonly [string, string][];
  /** Of what no plan is needed for. */
  readonly findings: readonly Finding[];
  /** A finding about `spec.topology.edges`, as one about this list; others stay as they are. */
  readonly place: (finding: Finding) => Finding;
};

/** 480,000 edges between nodes named like full-12345 are 11 MB. */
const mostMiB = 16;
export const edgeListBytes = mostMiB * 2 ** 20;
/** More wrong lines than this are the same mistake again and again. */
const wrongAtMost = 1000;

const topology = ['spec', 'topology'];
const edgesPath = [...topology, 'edges'];
export const edgesFromPath: Path = [...topology, 'edgesFrom'];

/** Where the list of this document is, as far as it says so; the document may be wrong. */
export function edgesFromIn(document: unknown): EdgesFrom | undefined {
  return edgesFrom.safeParse(valueAt(document, edgesFromPath)).data;
}

/** A list that could not be read: the finding says why. */
export function unreadEdges(finding: Finding): EdgeList {
  return { text: '', edges: [], findings: [finding], place: (found) => found };
}

/** `file` is only named. */
export function readEdgeList(text: string, file: string): EdgeList {
  const refused = refusalOf(text, edgeListBytes);
  if (refused !== undefined) {
    const { message, span } = refused;
    const position = positionsIn(text)(span);
    const source = text.slice(0, edgeListBytes).split(/\r?\n/, position.line)[position.line - 1];
    const elsewhere = { file, ...position, source: source ?? '' };
    return unreadEdges({ ...error(edgesFromPath, message), elsewhere });
  }
  const lines = text.split(/\r?\n/);
  const edges: [string, string][] = [];
  /** Of each edge, from 0. */
  const lineOf: number[] = [];
  const wrong: Finding[] = [];
  for (const [at, line] of lines.entries()) {
    const words = wordsOf(line).map(([word]) => word);
    const [from, to, ...more] = words;
    if (from === undefined) continue;
    if (to !== undefined && more.length === 0) {
      edges.push([from, to]);
      lineOf.push(at);
    } else if (wrong.length < wrongAtMost) {
      const elsewhere = spotIn({ file, at, line });
      wrong.push({ ...error([...edgesFromPath, at], twoNodes(words)), elsewhere });
    }
  }
  const spotOf = (edge: number, side?: string | number): Elsewhere => {
    const at = lineOf[edge] ?? 0;
    return spotIn({ file, at, line: lines[at] ?? '' }, side);
  };
  const place = (finding: Finding): Finding => {
    const [edge, side] = finding.path.slice(edgesPath.length);
    const isOurs = edgesPath.every((step, at) => finding.path[at] === step);
    if (!isOurs || typeof edge !== 'number') return finding;
    return { ...finding, elsewhere: spotOf(edge, side) };
  };
  // Their own path says that no plan was needed.
  const checked = checkEdges(edgesPath, edges).map((finding) => {
    const elsewhere = spotOf(Number(finding.path.at(-1)));
    return { ...finding, path: [...edgesFromPath, elsewhere.line - 1], elsewhere };
  });
  const findings: Finding[] = [...wrong, ...checked];
  if (edges.length === 0 && wrong.length === 0) {
    findings.push({
      ...warning(edgesFromPath, 'names no edge'),
      elsewhere: spotIn({ file, line: lines[0] ?? '' }),
    });
  }
  return { text, edges, findings, place };
}

function twoNodes(words: readonly string[]): string {
  const got = words.length === 1 ? '1 word' : `${words.length} words`;
  return `must be two nodes with white space between, got ${got}`;
}

/** What comes before a comment. */
function wordsOf(line: string): RegExpExecArray[] {
  const [said = ''] = line.split('#', 1);
  return [...said.matchAll(/\S+/g)];
}

type Line = { readonly file: string; readonly at?: number; readonly line?: string };

/** The word of that side, or all of them. */
function spotIn({ file, at = 0, line = '' }: Line, side?: string | number): Elsewhere {
  const words = wordsOf(line);
  const first = words[Number(side ?? 0)];
  const last = side === undefined ? words.at(-1) : first;
  const start = first?.index ?? 0;
  const end = (last?.index ?? 0) + (last?.[0].length ?? 1);
  return { file, line: at + 1, column: start + 1, length: end - start, source: line };
}
