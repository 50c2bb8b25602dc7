/** The beginning of a text: a cell shows no more anyway, and megabytes in a page make it crawl. */
export function clip(text: string, length = 300): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
