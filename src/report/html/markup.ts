// Markup that cannot be forgotten to be escaped: whatever a template is given is text, unless it is
// markup already. Names, reasons and notes come from specs and nodes that nobody has checked.

export type Markup = { readonly markup: string };
type Part = string | number | Markup | undefined | readonly Part[];

/** A tagged template: the literal parts are markup, everything else is escaped. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: literals.reduce((text, next, i) => text + render(parts[i - 1]) + next) };
}

/** Text that is trusted as markup. For what we wrote ourselves only. */
export function trusted(markup: string): Markup {
  return { markup };
}

/** JSON for inside a script element, where `</script>` and `<!--` would end or bend it. */
export function jsonMarkup(value: unknown): Markup {
  return { markup: JSON.stringify(value).replaceAll('<', '\\u003c') };
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part));
  if ('markup' in part) return part.markup;
  return part.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
// Control characters, and those that turn the direction of text around: names could hide in them.
const invisible = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(invisible, '�')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
