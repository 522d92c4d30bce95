/** One job under one plan of harm, started as often as it takes. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { HarmedLetters } from './letters.mjs'

const root = path.resolve(import.meta.dirname, '../..')
/** Small epochs, frequent stores and snapshots, short files of logs: more steps to be harmed between. */
const OPTIONS = {
  shards: 2,
  workers: 2,
  heapMb: 96,
  heartbeatMs: 1500,
  stallMs: 800,
  limits: { epochRowsMax: 2048, storeIntervalMs: 20, segmentBytes: 128 << 10 },
  snapshots: { every: '80ms' },
}
/** Logs of such a run are not trimmed, and are replayed from their beginning in the end. */
const KEEPS_ALL = 1000
const STARTS_MAX = 40
/** Well after the heartbeat. */
const WAKE_MS = 2500
/** Nothing gets on for so long: it hangs. */
const STILL_MS = 120_000
const LONGEST_MS = 15 * 60_000

const moduleOf = (job) =>
  pathToFileURL(path.join(root, job === 'flights' ? 'examples/flights/flights.ts' : `test/chaos/jobs/${job}.ts`)).href

export class HarmedRun {
  violations = []
  /** Kinds of faults that came to pass. */
  faults = []
  /** Shards that were replayed from their first epoch in the end, and came to the same. */
  replayed = 0
  /** Of these, whose store was compared. */
  compared = 0
  /** Milliseconds until everybody was live again. */
  recoveries = []
  #options
  #data
  #timed
  /** Damage of logs to mend when it has been noticed, or when all is over. */
  #undo = []
  #mayBeDamaged = false
  /** Of a job that has dead letters; null for none. */
  #letters = null

  constructor(options) {
    this.#options = options
    this.#timed = [...options.plan.timed]
    fs.mkdirSync(options.directory, { recursive: true })
    this.#data = path.join(options.directory, 'state', options.job)
    if (options.job === 'letters' && options.isHarmed)
      this.#letters = new HarmedLetters({ ...options, data: this.#data })
  }

  async run() {
    for (let starts = 1; starts <= STARTS_MAX; starts++) {
      const end = await this.#start()
      this.#options.say(`  start ${starts}: ${JSON.stringify(end)}`)
      if (end.outcome === 'finished') return this.#finish()
      if (end.outcome === 'timeout') return void this.violations.push(`hangs: ${end.last}`)
      if (end.failure !== undefined && !this.#isExpected(end.failure)) {
        this.violations.push(`failed: ${end.failure.message}`)
        return
      }
    }
    this.violations.push(`not finished after ${STARTS_MAX} starts`)
  }

  /** Full disks and damage that was noticed are told, and mended by whoever runs the job. */
  #isExpected({ kind, code }) {
    if (code === 'EFBIG' || code === 'ENOSPC' || code === 'EIO') return true
    if (kind !== 'corruption' || !this.#mayBeDamaged) return false
    this.#mend()
    return true
  }

  /** Logs that were damaged are as they were; but for those that nobody needed any more. */
  #mend() {
    for (const { file, from, was, is } of this.#undo.splice(0).reverse()) {
      if (!fs.existsSync(file)) continue
      const fd = fs.openSync(file, 'r+')
      const now = Buffer.alloc(is.length)
      fs.readSync(fd, now, 0, now.length, from)
      // A torn end was cut off, and others may have written there since.
      if (now.equals(is)) fs.writeSync(fd, was, 0, was.length, from)
      fs.closeSync(fd)
    }
  }

  async #finish() {
    const { dist, directory, plan, say } = this.#options
    const mark = path.join(directory, 'crashed')
    const passed = fs.existsSync(mark) ? fs.readFileSync(mark, 'utf8').trim().split('\n') : []
    passed.forEach((line, i) =>
      this.faults.push(`${plan.points[i].endsWith(':exit') ? 'worker' : 'host'} at ${line.split(' ')[0]}`),
    )
    const log = path.join(directory, 'mischief.log')
    if (fs.existsSync(log))
      for (const way of fs.readFileSync(log, 'utf8').trim().split('\n')) this.faults.push(`worker-${way}`)
    const load = (file) => import(pathToFileURL(path.resolve(dist, file)).href)
    const [{ checkRun }, { checkReplay }, { nodeSeam }, { nodeMachine }, { plan: planOf }, { readJob }] =
      await Promise.all(
        [
          'testing/checks.js',
          'testing/check-replay.js',
          'base/real/node-seam.js',
          'actors/real/node-machine.js',
          'topology/plan.js',
          'actors/job.js',
        ].map(load),
      )
    const topology = await nodeMachine.load(moduleOf(this.#options.job), 'default')
    const whole = planOf(topology, OPTIONS.shards, readJob(nodeSeam.files, this.#data).rescales)
    this.violations.push(...(await checkRun(nodeSeam.files, whole, this.#data)))
    // Damage that nobody has come upon: a replay from the start does.
    this.#mend()
    const left = { files: nodeSeam.files, plan: whole, directory: this.#data, openStore: nodeMachine.openStore }
    const { problems, replayed, compared } = await checkReplay(left)
    this.violations.push(...problems)
    this.replayed = replayed
    this.compared = compared
    say(`  ${replayed} shards replayed from their first epoch, the stores of ${compared} compared`)
    if (this.#letters !== null) return void this.violations.push(...(await this.#letters.check(this.result())))
    const letters = fs.readFileSync(path.join(this.#data, 'dead-letters.jsonl'), 'utf8')
    if (letters !== '' && this.#options.job !== 'letters')
      this.violations.push(`a row was turned away: ${letters.slice(0, 300)}`)
  }

  /** By file: its sorted lines. */
  result() {
    const out = path.join(this.#options.directory, 'out')
    return Object.fromEntries(
      fs.readdirSync(out).map((name) => [name, fs.readFileSync(path.join(out, name), 'utf8').split('\n').sort()]),
    )
  }

  /** @param unharmed what a run came to in which nothing was wrong */
  async compare(unharmed) {
    const [result, expected] = [this.result(), (await this.#letters?.expected(unharmed)) ?? unharmed]
    for (const name of new Set([...Object.keys(expected), ...Object.keys(result)])) {
      const [got, wanted] = [result[name] ?? [], expected[name] ?? []]
      if (hash(got) === hash(wanted)) continue
      const [more, less] = [missing(got, wanted), missing(wanted, got)]
      this.violations.push(`${name} has ${got.length} lines, not ${wanted.length}; too much: ${more}; missing: ${less}`)
    }
  }

  /** One life of the supervisor, until it ends or is ended. */
  #start() {
    const { dist, job, directory, plan } = this.#options
    const file = (name) => path.join(directory, name)
    const keep = plan.keepsAll ? KEEPS_ALL : 2
    const given = { ...OPTIONS, snapshots: { ...OPTIONS.snapshots, keep } }
    const argument = JSON.stringify({ dist, job: moduleOf(job), directory, options: given })
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'node.mjs'), argument], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        ...process.env,
        FLIGHTS_ROWS: process.env.FLIGHTS_ROWS ?? '200000',
        CHAOS_ROWS: process.env.CHAOS_ROWS ?? '200000',
        UMBEL_CRASH_AT: plan.points.length > 0 ? `${file('crashed')}@${plan.points.join(',')}` : '',
        UMBEL_MISCHIEF: file('mischief'),
        UMBEL_CLOCK_ERROR: file('clock'),
        ...(this.#letters && { UMBEL_LETTERS: this.#letters.file }),
      },
    })
    this.#letters?.askAgain()
    return new Promise((resolve) => {
      let end = null
      let last = null
      let hurt = null
      let deaths = 0
      let most = 0
      const giveUp = () => {
        end = { outcome: 'timeout', last: JSON.stringify(last) }
        this.#endAll(child, last)
      }
      const timer = setTimeout(giveUp, STILL_MS)
      // One that gets on and never comes to an end.
      const longest = setTimeout(giveUp, LONGEST_MS)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const message = JSON.parse(line)
        if (message.rescaled !== undefined) return void this.faults.push('rescale')
        if (message.retried !== undefined) return void this.faults.push('retry-letters')
        if (message.isSettled !== undefined) return this.#letters.onSettled()
        if (message.refused !== undefined) {
          this.#letters?.askAgain()
          return this.#options.say(`  ${message.refused}`)
        }
        if (message.shards === undefined) {
          end = message
          return
        }
        last = message
        const epochs = message.shards.reduce((sum, { epoch }) => sum + epoch, 0)
        if (epochs > most) {
          most = epochs
          timer.refresh()
        }
        const lives = new Map(message.shards.map(({ shard, incarnation }) => [shard, incarnation]))
        if (message.deaths > deaths && message.died === 'host') hurt ??= { at: message.diedAt, lives }
        deaths = message.deaths
        // Every shard lives again: not as the one whose last words are still there.
        const isBack = ({ shard, state, incarnation }) =>
          state === 'finished' || (state === 'live' && incarnation > (hurt.lives.get(shard) ?? 0))
        if (hurt !== null && message.shards.every(isBack)) {
          this.recoveries.push(message.at - hurt.at)
          hurt = null
        }
        const sources = message.shards.filter(({ progress }) => progress !== null)
        const done = sources.length === 0 ? 0 : Math.min(...sources.map(({ progress }) => progress))
        while (this.#timed.length > 0 && done >= this.#timed[0].at) this.#inflict(this.#timed.shift(), child, message)
        const next = this.#letters?.nextToDie()
        if (next !== undefined) this.#inflict(next, child, message)
        if (this.#timed.length === 0 && sources.length === OPTIONS.shards) this.#letters?.onProgress(done, child)
      })
      // Orders to one that has ended are nobody's.
      child.stdin.on('error', () => {})
      child.on('exit', () => {
        clearTimeout(timer)
        clearTimeout(longest)
        this.#harmWhileDown?.()
        this.#harmWhileDown = null
        resolve(end ?? { outcome: 'killed' })
      })
    })
  }

  /** Done when all processes are dead. */
  #harmWhileDown = null

  #inflict({ kind, which, where }, child, { pids }) {
    const { directory, say } = this.#options
    const pid = pids[Math.floor(which * pids.length)]
    say(`  ${kind} ${which} ${where}`)
    const signal = (name) => pid !== undefined && kill(pid, name)
    if (kind.startsWith('worker-')) {
      // Noted by the job itself, when it comes to pass.
      return fs.writeFileSync(path.join(directory, 'mischief'), kind.slice('worker-'.length))
    }
    if (kind.startsWith('damage-') || kind === 'lose-store') {
      this.#harmWhileDown = () => this.#harm(kind, which, where)
      return this.#endAll(child, { pids })
    }
    if (kind === 'retry-letters-while-down') {
      this.#harmWhileDown = () => this.#letters.retryWhileDown() > 0 && this.faults.push(kind)
      return this.#endAll(child, { pids })
    }
    // Noted when it was carried out.
    if (kind === 'rescale')
      return child.stdin.write(`${JSON.stringify({ which, shards: 1 + Math.floor(where * 4) })}\n`)
    if (kind === 'retry-letters') return this.#letters.retry(child, which, where)
    this.faults.push(kind)
    switch (kind) {
      case 'kill-host':
        return signal('SIGKILL')
      case 'stop-host':
        signal('SIGSTOP')
        return wakeLater(pid)
      case 'kill-supervisor':
        return child.kill('SIGKILL')
      case 'stop-hosts-kill-supervisor':
        for (const one of pids) {
          kill(one, 'SIGSTOP')
          wakeLater(one)
        }
        return child.kill('SIGKILL')
      case 'disk-full':
        // Files may not grow: as a full disk does, it fails every write.
        for (const one of pids) spawnSync('prlimit', ['--pid', String(one), '--fsize=4096:4096'])
        return
      case 'clock-jump':
        return fs.writeFileSync(path.join(directory, 'clock'), String(Math.round((where - 0.5) * 7_200_000)))
      default:
        throw new Error(`unknown fault ${kind}`)
    }
  }

  #endAll(child, last) {
    child.kill('SIGKILL')
    for (const pid of last?.pids ?? []) kill(pid, 'SIGKILL')
  }

  #harm(kind, which, where) {
    const stores = list(path.join(this.#data, 'state')).filter((one) => one.endsWith('data.mdb'))
    const files = {
      'lose-store': stores,
      'damage-store': stores,
      'damage-log': list(path.join(this.#data, 'log')).filter((one) => one.endsWith('.seg')),
      'damage-snapshot': list(path.join(this.#data, 'snapshots')),
    }[kind].sort()
    if (files.length === 0) return
    const file = files[Math.floor(which * files.length)]
    this.faults.push(kind)
    if (kind === 'lose-store') return fs.rmSync(path.dirname(file), { recursive: true })
    const bytes = fs.readFileSync(file)
    if (bytes.length === 0) return
    // A damaged store or snapshot is replaced; a log is the truth, and has to be put back by whoever has a copy.
    this.#mayBeDamaged = true
    const at = Math.floor(where * bytes.length)
    const near = [Math.max(0, at - 16), at + 16]
    const was = Buffer.from(bytes.subarray(...near))
    bytes[at] ^= 0x55
    if (kind === 'damage-log') this.#undo.push({ file, from: near[0], was, is: Buffer.from(bytes.subarray(...near)) })
    fs.writeFileSync(file, bytes)
  }
}

const hash = (lines) => createHash('sha256').update(lines.join('\n')).digest('hex')

function missing(from, others) {
  const known = new Set(others)
  const found = from.filter((line) => !known.has(line))
  return `${found.length} lines such as ${found.slice(0, 2).join(' | ')}`
}

/** Everything below a directory. */
const list = (directory) =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    : []

/** Whoever stood still must be dead by then: one that goes on beside its successor shows what fences are worth. */
function wakeLater(pid) {
  if (pid !== undefined) setTimeout(() => kill(pid, 'SIGCONT'), WAKE_MS).unref()
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
