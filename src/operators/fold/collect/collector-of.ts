/** Opens the collectors of a group's aggregates. */
import type { Schema } from '../../../records/schema.ts'
import { type Aggregation, columnsOf } from '../../aggregation.ts'
import type { Collected, Collector, CollectorStore } from './collector.ts'
import { Invertible, Recomputed } from './custom.ts'
import { Distinct } from './distinct.ts'
import { Ends } from './ends.ts'
import { Quantile } from './quantile.ts'

/** @param names of the columns whose values a row has, in their order */
export function collectorOf(
  input: Schema,
  names: readonly string[],
  aggregation: Aggregation,
): (store: CollectorStore) => Collector {
  const { kind, p, limit, isDistinct = false, dropsNull = false, custom } = aggregation
  const columns = columnsOf(aggregation)
  const of: Collected = {
    sources: columns.map((name) => names.indexOf(name)),
    types: columns.map((name) => input.fields[name]!),
  }
  switch (kind) {
    case 'countDistinct':
      return (store) => new Distinct(of, { gives: 'count', takesNull: false }, store)
    case 'distinct':
      return (store) => new Distinct(of, { gives: 'values', takesNull: !dropsNull }, store)
    case 'quantile':
      return (store) => new Quantile(of, p!, store)
    case 'firstK':
    case 'lastK': {
      const which = kind === 'firstK' ? 'first' : 'last'
      return (store) => new Ends(of, { which, limit: limit!, isDistinct, takesNull: !dropsNull }, store)
    }
    default: {
      const Custom = custom!.remove === null ? Recomputed : Invertible
      return (store) => new Custom(of, custom!, store)
    }
  }
}
