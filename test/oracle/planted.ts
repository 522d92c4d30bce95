/** Bugs of operators to plant, which the oracle must notice. */
import type { Planted } from '../planted-run.ts'

export const planted: readonly Planted[] = [
  {
    name: 'of rows of one time the one that came last is the latest',
    file: 'operators/fold/fold-row.js',
    from: 'a.time - b.time || sign(a.origin, b.origin)',
    to: 'a.time - b.time',
  },
  {
    name: 'the first row is no more the first when it is settled',
    file: 'operators/fold/pick.js',
    from: "if (this.#which === 'first' && this.#settled !== null)",
    to: 'if (false)',
  },
  {
    name: 'what is behind a late update is not taken out',
    file: 'operators/fold/group.js',
    from: 'this.#recentCount === 0 ? [] : this.#recents.from',
    to: 'true ? [] : this.#recents.from',
  },
  {
    name: 'a fold does not take back what was said before',
    file: 'operators/fold/group.js',
    from: 'sums.add(before, 1);',
    to: '',
  },
  {
    name: 'a value that is taken back stays an extreme',
    file: 'operators/fold/extreme.js',
    from: 'apply(value, diff) {\n        this.#members.add(packValues([value]), diff);',
    to: 'apply(value, diff) {\n        if (diff > 0)\n            this.#members.add(packValues([value]), diff);',
  },
  {
    name: 'updates are settled although late ones may come',
    file: 'operators/fold/fold.js',
    from: 'const horizon = watermark - this.#plan.bound;',
    to: 'const horizon = watermark;',
  },
  {
    name: 'a version of the very time of a row is not found',
    file: 'operators/history.js',
    from: 'if (versions[middle].time <= time)',
    to: 'if (versions[middle].time < time)',
  },
  {
    name: 'a version that comes late changes nothing',
    file: 'operators/as-of-join.js',
    from: 'const late = this.#lateRows(batch);',
    to: 'const late = null;',
  },
  {
    name: 'a version that is just old enough is too old',
    file: 'operators/as-of-join.js',
    from: 'version.since < time - older',
    to: 'version.since <= time - older',
  },
  {
    name: 'newer versions are not looked for',
    file: 'operators/as-of-join.js',
    from: 'versionAt(versions, time + newer)',
    to: 'versionAt(versions, time)',
  },
  {
    name: 'rows wait for no newer version',
    file: 'operators/as-of-join.js',
    from: 'return this.#rightWatermark - this.#plan.newer;',
    to: 'return this.#rightWatermark;',
  },
  {
    name: 'what was answered is not kept for corrections',
    file: 'operators/as-of-join.js',
    from: 'this.#answered.hold(answered);',
    to: '{}',
  },
  {
    name: 'a null key matches a null key',
    file: 'operators/as-of-join.js',
    from: 'if (this.#hasNullKey(batch, this.#rightColumns, i))\n                continue;',
    to: '',
  },
  {
    name: 'a row of a table that has ended is still found',
    file: 'operators/table-history.js',
    from: 'best?.[1].values ?? null',
    to: 'best?.[1].values ?? update.values',
  },
  {
    name: 'of rows that are alike the one that came last is kept',
    file: 'operators/dedup.js',
    from: 'settled(rows).at(-1)',
    to: 'rows.at(-1)',
  },
  {
    name: 'a late row that is a better one is dropped',
    file: 'operators/dedup.js',
    from: "const isSaid = this.#plan.emit === 'eager' || this.#isPassed(group);",
    to: "const isSaid = this.#plan.emit === 'eager';",
  },
  {
    name: 'rows that are alike are not taken back',
    file: 'operators/dedup.js',
    from: 'this.#push(before, -1, budget);',
    to: '{}',
  },
  {
    name: 'a null in the second column is no null',
    file: 'operators/stateless.js',
    from: 'columns.every((column) => !isNull(column, row))',
    to: '!isNull(columns[0], row)',
  },
  {
    name: 'a row at the end of a window belongs to it',
    file: 'operators/window.js',
    from: 'return Math.floor(time / this.width) * this.width;',
    to: 'return Math.floor((time - 1) / this.width) * this.width;',
  },
  {
    name: 'a window that has passed is not corrected',
    file: 'operators/window-aggregate.js',
    from: 'if (isEager || this.#progress.isEmitted(end, () => this.#keys.key(id)))',
    to: 'if (isEager)',
  },
  {
    name: 'rows of a union are told apart as if they were of one input',
    file: 'operators/stateless.js',
    from: 'Buffer.concat([suffix, originBytes(origins, i)])',
    to: 'Buffer.concat([originBytes(origins, i)])',
  },
  {
    name: 'a sum loses what does not fit into one number',
    file: 'operators/cells.js',
    from: 'this.low[slot] = lowSum;',
    to: '',
  },
  {
    name: 'a row of a table is written with the time of its first life',
    file: 'actors/merge-sink-program.js',
    from: 'since === null || (sum <= 0 && sum + count > 0)',
    to: 'since === null',
  },
]
