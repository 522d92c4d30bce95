/** The door of the package: what a topology is made of, and how it is started. */

export type { OutputRow, Running } from './actors/running.ts'
export type { ShardStatus } from './actors/shard-actor.ts'
export type { SnapshotSettings } from './actors/snapshot-settings.ts'
export type { StartOptions } from './actors/start-options.ts'
export { start } from './actors/system.ts'
export { type ErrorKind, UmbelError } from './base/errors.ts'
export { type Duration, isoDate, isoTime, micros, type Timestamp } from './base/time.ts'
export { array } from './connectors/array.ts'
export { csv } from './connectors/csv.ts'
export { csvFile } from './connectors/csv-format.ts'
export { generator } from './connectors/generator.ts'
export { jsonLinesFile } from './connectors/json-lines.ts'
export { jsonLinesSource } from './connectors/json-lines-source.ts'
export { parquet } from './connectors/parquet.ts'
export type { ActorContext } from './operators/actor-definition.ts'
export {
  type AnyWindow,
  cumulating,
  type Emission,
  hopping,
  type SessionWindow,
  session,
  tumbling,
  type Window,
  type WindowOptions,
} from './operators/window.ts'
export { Batch, BatchBuilder } from './records/batch.ts'
export type { Value } from './records/column.ts'
export { type ConsolidatedRow, consolidate } from './records/consolidate.ts'
export {
  bool,
  bytes,
  date,
  decimal,
  eventTime,
  type Fields,
  type FieldType,
  float,
  type Infer,
  int,
  list,
  map,
  optional,
  type Row,
  type Schema,
  schema,
  string,
  struct,
  time,
} from './records/schema.ts'
export type { Lookup } from './serving/look-up.ts'
export { Index, openIndex } from './serving/open-index.ts'
export type { ActorOptions, TypedActorContext } from './topology/actor-options.ts'
export {
  count,
  countDistinct,
  custom,
  decayedSum,
  distinct,
  firstK,
  lastK,
  max,
  mean,
  min,
  over,
  overRows,
  quantile,
  stddev,
  sum,
  variance,
} from './topology/aggregates.ts'
export type {
  RejectedRow,
  RowFormat,
  SinkConnector,
  SourceConnector,
  SourceContext,
  SplitPosition,
  SplitReader,
  SplitRows,
} from './topology/connector.ts'
export type { ErrorPolicy } from './topology/dead-letters.ts'
export type { FoldOptions, PickOptions, RankOptions, TopOptions, TotalsOptions } from './topology/fold-nodes.ts'
export type { AggregateIndexOutput, IndexOptions, IndexOutput } from './topology/index-nodes.ts'
export type { AsOfOptions, IntervalJoinOptions, TableJoinOptions } from './topology/join-nodes.ts'
export type { OverOptions } from './topology/over-nodes.ts'
export { KeyedStream, type Output, Stream } from './topology/stream.ts'
export { type SourceSettings, source, type Topology, type TopologySettings, topology } from './topology/topology.ts'
export { WindowedStream } from './topology/windowed-stream.ts'
