/** How a user's own actor is declared: `stream.actor(name, options)`. */
import { aDuration, aFunction, aText, check, maybe, oneOf, only } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import type { ActorContext } from '../operators/actor-definition.ts'
import type { Fields, Row, Schema } from '../records/schema.ts'
import { aSchema } from './given.ts'
import { type ActorNode, type Node, newNode } from './graph.ts'

/** What `ActorContext.emit` takes for fields `O`. */
export interface TypedActorContext<O extends Fields> extends Omit<ActorContext, 'emit'> {
  emit(row: Row<O>, diff?: 1 | -1): void
}

/** An actor: functions that are called with the rows and timers of one key at a time. */
export interface ActorOptions<F extends Fields, O extends Fields> {
  readonly output: Schema<O>
  /**
   * `event-time` (default): rows in order once the watermark has passed them, as they are after all corrections.
   * `arrival`: as they come; look at `context.diff`.
   */
  readonly order?: 'event-time' | 'arrival'
  /** How far behind the watermark emitted rows may be. Default 0. */
  readonly bound?: Duration
  onRow(row: Row<F>, context: TypedActorContext<O>): void
  onTimer?(at: number, context: TypedActorContext<O>): void
  onWatermark?(watermark: number): void
}

const actorOptions = only({
  output: aSchema,
  order: maybe(oneOf(['event-time', 'arrival'])),
  bound: maybe(aDuration),
  onRow: aFunction,
  onTimer: maybe(aFunction),
  onWatermark: maybe(aFunction),
})

export function actorNode<F extends Fields, O extends Fields>(
  input: Node,
  keys: readonly string[],
  name: string,
  options: ActorOptions<F, O>,
): ActorNode {
  check('actor', aText, name, 'its name')
  check(`actor '${name}'`, actorOptions, options)
  const { output, order = 'event-time', bound = 0, onRow, onTimer, onWatermark } = options
  const schema = output as unknown as Schema
  const definition = { output: schema, order, bound: micros(bound), onRow, onTimer, onWatermark }
  return { ...newNode(schema), kind: 'actor', inputs: [input], keys, name, definition: definition as never }
}
