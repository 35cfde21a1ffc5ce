// Finding by what somebody types, in the palette and in lists.

/** The lower, the better; null when not every word occurs. Beginnings of words count before their insides. */
export function rank(query: string, text: string): number | null {
  const hay = text.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word);
    if (at === -1) return null;
    const isBeginning = at === 0 || /[\s/\-_.:(]/.test(hay[at - 1] ?? "");
    total += isBeginning ? Math.min(at, 20) : 40 + Math.min(at, 40);
  }
  return total;
}

/** What meets a query, best first. */
export function found<T>(query: string, things: readonly T[], text: (thing: T) => string, most: number): T[] {
  if (query.trim() === "") return things.slice(0, most);
  const ranked: [number, T][] = [];
  for (const thing of things) {
    const score = rank(query, text(thing));
    if (score !== null) ranked.push([score, thing]);
  }
  return ranked
    .sort(([one], [other]) => one - other)
    .slice(0, most)
    .map(([, thing]) => thing);
}
