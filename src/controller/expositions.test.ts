import { expect, test } from 'vitest';
import { mergeExpositions } from './expositions.ts';

const text = (series: string) => `# HELP a What a is.
# TYPE a gauge
${series}

# HELP b What b is.
# TYPE b counter
b 1
`;

test('each metric is described once, with the series of all', () => {
  const merged = mergeExpositions([
    { text: text('a{x="1"} 2'), labels: {} },
    { text: text('a{x="1"} 3\na 4'), labels: { namespace: 'n' } },
  ]);
  expect(merged).toBe(`# HELP a What a is.
# TYPE a gauge
a{x="1"} 2
a{namespace="n",x="1"} 3
a{namespace="n"} 4

# HELP b What b is.
# TYPE b counter
b 1
b{namespace="n"} 1
`);
});

test('a metric without series is left out', () => {
  expect(mergeExpositions([{ text: '# HELP a A.\n# TYPE a gauge\n', labels: {} }])).toBe('');
});

test('what a label says cannot end it', () => {
  const merged = mergeExpositions([{ text: '# HELP a A.\na 1\n', labels: { l: 'x"} 9\n\\' } }]);
  expect(merged).toBe('# HELP a A.\na{l="x\\"} 9\\n\\\\"} 1\n');
});
