/**
 * Governs the advancement of one watermark: of a source's split, or of a shard's input.
 *
 *   active --IDLE--> idle --ADVANCE--> active;   active | idle --FINISH--> finished
 *
 * An idle one holds nobody back but follows what it is told (FOLLOW); a finished one stands at +Infinity.
 * Never goes back (WM-1): an older value is no event worth an error, it is simply not an advance.
 */
import { assign, setup } from 'xstate'

export interface WatermarkContext {
  watermark: number
}

export type WatermarkEvent =
  | { type: 'ADVANCE'; watermark: number }
  | { type: 'IDLE' }
  | { type: 'FOLLOW'; watermark: number }
  | { type: 'FINISH' }

export const watermarkMachine = setup({
  types: {
    context: {} as WatermarkContext,
    events: {} as WatermarkEvent,
    input: {} as WatermarkContext | undefined,
  },
  guards: {
    isForward: ({ context, event }) => 'watermark' in event && event.watermark > context.watermark,
  },
  actions: {
    move: assign({ watermark: ({ context, event }) => ('watermark' in event ? event.watermark : context.watermark) }),
    end: assign({ watermark: Number.POSITIVE_INFINITY }),
  },
}).createMachine({
  id: 'watermark',
  context: ({ input }) => input ?? { watermark: Number.NEGATIVE_INFINITY },
  initial: 'active',
  states: {
    active: {
      on: {
        ADVANCE: { guard: 'isForward', actions: 'move' },
        IDLE: 'idle',
        FINISH: { target: 'finished', actions: 'end' },
      },
    },
    idle: {
      on: {
        ADVANCE: [{ guard: 'isForward', target: 'active', actions: 'move' }, { target: 'active' }],
        FOLLOW: { guard: 'isForward', actions: 'move' },
        FINISH: { target: 'finished', actions: 'end' },
      },
    },
    finished: { type: 'final' },
  },
})
