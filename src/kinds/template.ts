// Templates of the kind `custom`: text with {{name}} in it. No logic, no nesting, no default: a
// name that stands for nothing is an error, found before anything starts.

const placeholder = /\{\{([^{}]*)\}\}/g;

/** The names that a text asks for, without the spaces around them. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(placeholder)].map(([, name = '']) => name.trim());
}

/** The text with every {{name}} replaced. The names were checked: an unknown one is our bug. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(placeholder, (_, inner: string) => {
    const value = values[inner.trim()];
    if (value === undefined) throw new TypeError(`no value for {{${inner}}}`);
    return value;
  });
}
