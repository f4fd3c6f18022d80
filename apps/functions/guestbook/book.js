// The lines of the book, one key each: ids rise with the time they were written at.

/// As many as one page of STATE.list().
const kLinesMax = 100;

export const add = (state, id, line) => state.put(id, line);
export const read = async (state) =>
  (await state.list()).entries.map((entry) => entry.value);
export const shorten = async (state) => {
  const keys = [];
  for (let after = '', more = true; more;) {
    const part = await state.list('', after);
    for (const entry of part.entries) keys.push(after = entry.key);
    more = part.more;
  }
  for (const key of keys.slice(0, -kLinesMax)) await state.delete(key);
};
