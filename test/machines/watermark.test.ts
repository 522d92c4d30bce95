import t from 'tap'
import { type WatermarkEvent, watermarkMachine } from '../../src/operators/watermark.machine.ts'
import { checkMachine } from './support.ts'

const IDLE = { type: 'IDLE' } as const
const FINISH = { type: 'FINISH' } as const
const advance = (watermark: number) => ({ type: 'ADVANCE', watermark }) as const
const follow = (watermark: number) => ({ type: 'FOLLOW', watermark }) as const
const at = (value: string, watermark: number) => ({ value, context: { watermark } })
const finished = at('finished', Number.POSITIVE_INFINITY)
const START = Number.NEGATIVE_INFINITY

checkMachine<WatermarkEvent>(
  t,
  watermarkMachine,
  ['ADVANCE', 'IDLE', 'FOLLOW', 'FINISH'],
  [
    {
      name: 'active at the start',
      path: [],
      at: at('active', START),
      on: [
        [advance(-5), at('active', -5)],
        [advance(START), null],
        [IDLE, at('idle', START)],
        [follow(5), null],
        [FINISH, finished],
      ],
    },
    {
      name: 'active',
      path: [advance(10)],
      at: at('active', 10),
      on: [
        [advance(11), at('active', 11)],
        [advance(10), null],
        [advance(9), null],
        [advance(Number.NaN), null],
        [IDLE, at('idle', 10)],
        [follow(20), null],
        [FINISH, finished],
      ],
    },
    {
      name: 'active, from a stored watermark',
      input: { watermark: 7 },
      path: [],
      at: at('active', 7),
      on: [
        [advance(6), null],
        [advance(8), at('active', 8)],
        [IDLE, at('idle', 7)],
        [follow(8), null],
        [FINISH, finished],
      ],
    },
    {
      name: 'idle',
      path: [advance(10), IDLE],
      at: at('idle', 10),
      on: [
        [advance(11), at('active', 11)],
        [advance(10), at('active', 10)],
        [advance(9), at('active', 10)],
        [IDLE, null],
        [follow(20), at('idle', 20)],
        [follow(10), null],
        [follow(9), null],
        [FINISH, finished],
      ],
    },
    {
      name: 'idle, having followed others',
      path: [advance(10), IDLE, follow(30)],
      at: at('idle', 30),
      on: [
        [advance(20), at('active', 30)],
        [IDLE, null],
        [follow(31), at('idle', 31)],
        [FINISH, finished],
      ],
    },
    {
      name: 'finished',
      path: [advance(10), FINISH],
      at: finished,
      on: [
        [advance(11), null],
        [IDLE, null],
        [follow(20), null],
        [FINISH, null],
      ],
    },
  ],
)
