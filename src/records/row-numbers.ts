/** The numbers of rows, for gathering: a loop, since `Int32Array.from` takes ten times as long. */
export function rowNumbers(length: number, from = 0): Int32Array {
  const rows = new Int32Array(length)
  for (let i = 0; i < length; i++) rows[i] = from + i
  return rows
}

/** Those of some rows that are chosen, in their order. */
export function chosenRows(rows: Int32Array, isChosen: (row: number, i: number) => boolean): Int32Array {
  const chosen = new Int32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) if (isChosen(rows[i]!, i)) chosen[count++] = rows[i]!
  return chosen.subarray(0, count)
}
