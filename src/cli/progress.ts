/** How far a run is: a bar on a terminal, a plain line every few seconds elsewhere. */
import { Presets, SingleBar } from 'cli-progress'
import type { Running } from '../actors/running.ts'
import type { ShardStatus } from '../actors/shard-actor.ts'
import { isoTime } from '../base/time.ts'

const BAR_MS = 200
const LINE_MS = 2_000

interface Standing {
  readonly progress: number
  readonly rows: string
  readonly rate: string
  readonly time: string
  readonly watermark: string
  readonly lag: string
}

export class Progress {
  readonly #running: Running
  readonly #stream: NodeJS.WriteStream
  readonly #bar: SingleBar | null
  readonly #timer: NodeJS.Timeout
  #last: { at: number; rows: number } | null
  #rate = 0
  #deaths = 0
  #notes = 0
  readonly #told = new Set<string>()

  constructor(running: Running, stream: NodeJS.WriteStream) {
    this.#running = running
    this.#stream = stream
    this.#bar = stream.isTTY ? makeBar(stream) : null
    this.#bar?.start(1000, 0, standing([], 0) as object)
    this.#last = running.isContinued ? null : { at: performance.now(), rows: 0 }
    if (running.isContinued) this.say('going on with an interrupted run')
    this.#timer = setInterval(() => this.#tick(), this.#bar === null ? LINE_MS : BAR_MS)
  }

  /** A line of its own, above the bar. */
  say(line: string): void {
    if (this.#bar === null) this.#stream.write(`${line}\n`)
    else this.#stream.write(`\r\x1b[K${line}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#tick()
    this.#bar?.stop()
  }

  #tick(): void {
    const deaths = this.#running.deaths()
    for (const { what, reason } of deaths.slice(this.#deaths)) this.say(`${what} died (${reason}), starting it again`)
    this.#deaths = deaths.length
    const notes = this.#running.notes()
    for (const note of notes.slice(this.#notes)) this.say(note)
    this.#notes = notes.length
    const statuses = this.#running.status()
    this.#tellProblems(statuses)
    const now = performance.now()
    const rows = rowsOf(statuses)
    const ms = this.#last === null ? 0 : now - this.#last.at
    if (this.#last !== null && ms > 50) this.#rate = (Math.max(0, rows - this.#last.rows) * 1000) / ms
    // The first rows that a continued run tells of are those of the run before.
    if (this.#last === null ? rows > 0 : ms > 50) this.#last = { at: now, rows }
    const shown = standing(statuses, this.#rate)
    if (this.#bar !== null) this.#bar.update(Math.round(shown.progress * 1000), shown)
    else if (statuses.length > 0) {
      const percent = `${(shown.progress * 100).toFixed(1)} %`
      this.say(
        `${percent}  ${shown.rows} rows  ${shown.rate}  ${shown.time}  watermark ${shown.watermark}  lag ${shown.lag}`,
      )
    }
  }

  /** Once each: the run goes on. */
  #tellProblems(statuses: readonly ShardStatus[]): void {
    for (const { shard, snapshots, rebuilt } of statuses) {
      const problem = snapshots?.problem ?? null
      if (problem !== null) this.#tellOnce(shard, `could take no snapshot (${problem}), and tries again`)
      if (rebuilt !== null) this.#tellOnce(shard, `has replaced its store: ${rebuilt}`)
    }
  }

  #tellOnce(shard: string, problem: string): void {
    const line = `${shard} ${problem}`
    if (this.#told.has(line)) return
    this.#told.add(line)
    this.say(line)
  }
}

const makeBar = (stream: NodeJS.WriteStream): SingleBar =>
  new SingleBar(
    {
      stream,
      format: '{bar} {percentage}%  {rows} rows  {rate}  {time}  watermark {watermark}  lag {lag}',
      barsize: 20,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  )

const isSource = (status: ShardStatus): boolean => status.progress !== null

const rowsOf = (statuses: readonly ShardStatus[]): number =>
  statuses.reduce((sum, { read }) => sum + (read?.rows ?? 0), 0)

/** Progress is that of the sources; lag is how far the slowest shard's time is behind them. */
function standing(all: readonly ShardStatus[], rate: number): Standing {
  // One that has handed over stands where it did so.
  const statuses = all.filter(({ state }) => state !== 'finished')
  const sources = statuses.filter(isSource)
  const finite = (values: number[]) => values.filter(Number.isFinite)
  const time = Math.max(...finite(sources.map((status) => status.watermark)))
  const watermark = Math.min(...finite(statuses.map((status) => status.watermark)))
  const lag = Number.isFinite(time) && Number.isFinite(watermark) ? Math.max(0, time - watermark) : Number.NaN
  return {
    progress: sources.length > 0 ? Math.min(...sources.map((status) => status.progress!)) : all.some(isSource) ? 1 : 0,
    rows: rowsOf(all).toLocaleString('en'),
    rate: `${Math.round(rate).toLocaleString('en')} rows/s`,
    time: Number.isFinite(time) ? isoTime(time).slice(0, 19) : '-',
    watermark: Number.isFinite(watermark) ? isoTime(watermark).slice(0, 19) : '-',
    lag: Number.isFinite(lag) ? `${(lag / 3.6e9).toFixed(1)} h` : '-',
  }
}
