// Whether a tier of tests runs here. Where it cannot, the reason is said in one line; and when
// everything is required (PEERSTORM_REQUIRE=all, as in CI), what cannot run is a failure.
const said = new Set<string>();

export function requireTier(name: string, available: boolean, reason: string): boolean {
  if (available) return true;
  const line = `left out: ${name}: ${reason}`;
  if (process.env['PEERSTORM_REQUIRE'] === 'all') throw new TypeError(line);
  if (!said.has(line)) process.stderr.write(`${line}\n`);
  said.add(line);
  return false;
}
