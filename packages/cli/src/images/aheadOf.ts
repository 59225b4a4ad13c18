// Results in order, with a few jobs running ahead of the reader.

/** Runs `job` on each item, at most `ahead` at a time, and yields the outcomes in the items' order. */
export async function* aheadOf<Item, Result>(
  items: readonly Item[],
  ahead: number,
  job: (item: Item) => Promise<Result>,
): AsyncGenerator<{ readonly item: Item; readonly outcome: PromiseSettledResult<Result> }> {
  const settle = async (item: Item) => {
    const [outcome] = await Promise.allSettled([job(item)]);
    return { item, outcome: outcome as PromiseSettledResult<Result> };
  };
  const queue = items.slice(0, ahead).map(settle);
  for (let next = ahead; queue.length > 0; next++) {
    const first = await queue.shift();
    if (next < items.length) queue.push(settle(items[next] as Item));
    if (first !== undefined) yield first;
  }
}
