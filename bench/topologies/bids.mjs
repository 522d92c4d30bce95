/** Nexmark bids, counted by auction over 10 s: one durable hop, plain functions over row views, through the public API. */
import { Batch, count, eventTime, int, schema, source, topology, tumbling } from 'umbel'

const Bid = schema({ at: eventTime(), auction: int(), bidder: int(), price: int() })

// Parameters are part of the URL, so that each set of them is a module, and a definition, of its own.
const { searchParams } = new URL(import.meta.url)
const parameter = (name, otherwise) => Number(searchParams.get(name) ?? otherwise)

const ROWS = parameter('rows', 10_000_000)
const SPLITS = parameter('splits', 2)
/** Rows a batch, and so an epoch of the source. */
const BATCH = parameter('batch', 16_384)
/** Rows a second, for latency at light load; 0 is as fast as it goes. */
const RATE = parameter('rate', 0)
/** `none` for the bids themselves. */
const WINDOW = searchParams.get('window') ?? '10s'

function mix(hash) {
  let h = hash | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const PRICES = Float64Array.from({ length: 4096 }, (_, i) => Math.round(10 ** ((6 * i) / 4096) * 100))

/** Bids `from`, `from + stride`, ...: 46 of 50 events are bids; ids as in nexmark-flink. */
function fill(from, stride, columns) {
  const [at, auction, bidder, price] = columns
  for (let i = 0, bid = from; i < at.length; i++, bid += stride) {
    const epoch = Math.floor(bid / 46)
    const event = epoch * 50 + 4 + (bid - epoch * 46)
    const h = mix(event)
    const g = mix(h ^ 0x9e3779b9)
    const last = 3 * epoch + 2
    at[i] = event * 20
    auction[i] = 1000 + (h & 1 ? Math.floor(last / 100) * 100 : Math.max(0, last - 100 + ((h >>> 1) % 111)))
    const low = epoch > 1000 ? epoch - 1000 : 0
    bidder[i] = 1000 + (g & 3 ? Math.floor(epoch / 100) * 100 + 1 : low + ((g >>> 2) % (epoch - low + 11)))
    price[i] = PRICES[(h ^ g) & 4095]
  }
}

const bids = {
  kind: 'nexmark-bids',
  definition: [ROWS, SPLITS, BATCH, RATE],
  isBounded: true,
  splits: SPLITS,
  async open({ schema: wanted, seam }, split, position) {
    let next = position?.next ?? 0
    const share = Math.ceil(ROWS / SPLITS)
    const began = seam.clock.monotonic() - (RATE > 0 ? (next * SPLITS * 1000) / RATE : 0)
    return {
      async read() {
        if (next >= share) return null
        if (RATE > 0 && next > ((seam.clock.monotonic() - began) / 1000) * (RATE / SPLITS)) return 'wait'
        const length = Math.min(BATCH, share - next)
        const columns = Array.from({ length: 4 }, () => new Float64Array(length))
        fill(next * SPLITS + split, SPLITS, columns)
        const all = { at: columns[0], auction: columns[1], bidder: columns[2], price: columns[3] }
        const batch = new Batch(
          wanted,
          length,
          wanted.names.map((name) => ({ type: 'number', data: all[name], valid: null })),
        )
        const offsets = next
        next += length
        return { batch, offsets, rejected: [] }
      },
      position: () => ({ next }),
      progress: () => next / share,
      close() {},
    }
  },
}

const paid = source('bids', Bid, bids).filter((bid) => bid.price >= 100)

export default topology(
  'bids',
  WINDOW === 'none'
    ? paid.output('rows')
    : paid.select('auction').keyBy('auction').window(tumbling(WINDOW)).aggregate({ bids: count() }).output('counts'),
)
