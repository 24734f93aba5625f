// @ts-check

/** Runs at most `most` queries at a time, so that a dashboard does not flood a backend. @param {number} most */
export function queue(most) {
  let free = most;
  /** @type {((go?: unknown) => void)[]} */
  const waiting = [];
  /** @template T @param {() => Promise<T>} work @param {AbortSignal} signal */
  return async (work, signal) => {
    while (free === 0) await new Promise((turn) => waiting.push(turn));
    free -= 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      free += 1;
      waiting.shift()?.();
    }
  };
}
