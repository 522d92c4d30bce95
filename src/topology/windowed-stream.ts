/** What can be made of a keyed stream that is cut into windows. */
import { check } from '../base/given.ts'
import type { AnyWindow, Emission } from '../operators/window.ts'
import { windowSchema } from '../operators/window-output.ts'
import type { Fields } from '../records/schema.ts'
import { refuseDecayed, refuseSpans, withConditions, withDefaults } from './aggregate-nodes.ts'
import type { Aggregates } from './aggregates.ts'
import { someAggregates } from './given.ts'
import { type Node, newNode } from './graph.ts'
import { Stream } from './stream.ts'
import type { PlainName, WindowFields } from './stream-fields.ts'

/** A keyed stream cut into windows. */
export class WindowedStream<F extends Fields, K extends PlainName<F>> {
  readonly #input: Node
  readonly #keys: readonly K[]
  readonly #window: AnyWindow
  readonly #emit: Emission

  constructor(input: Node, keys: readonly K[], window: AnyWindow, emit: Emission) {
    this.#input = input
    this.#keys = keys
    this.#window = window
    this.#emit = emit
  }

  /**
   * One row per key and window that has rows, emitted when the watermark passes the window's end (with `emit: 'eager'`
   * as soon as it has rows), and again, with the old row taken back, for each correction. Its event time is `window_end`.
   * @example .aggregate({ departures: count(), delay_mean: mean('delay') })
   */
  aggregate<const A extends Aggregates<F>>(aggregates: A): Stream<WindowFields<F, K, A>> {
    check('aggregate', someAggregates, aggregates, 'its aggregates')
    refuseSpans(aggregates, 'a window has one for all; leave out over()')
    refuseDecayed(aggregates)
    const { node: input, aggregates: plain } = withConditions(this.#input, aggregates)
    const node = {
      ...newNode(windowSchema(input.schema, this.#keys, plain)),
      kind: 'window',
      inputs: [input],
      keys: this.#keys,
      window: this.#window,
      emit: this.#emit,
      aggregates: plain,
    } as const
    return new Stream(withDefaults(node, aggregates))
  }
}
