/**
 * Runs a command, and all that it starts, within a limit of memory that the kernel holds: a cgroup of version 1 or 2 where
 * one can be made, else a scope of systemd. Where there is neither, private memory is sampled and compared with the limit:
 * `how` says which it was. Pages of files count in a cgroup too, and go when others need the room.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

export interface Limited {
  readonly how: string
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Processes that the kernel killed for want of memory; null where it was not asked to. */
  readonly killed: number | null
  /** The most that was seen: memory that no file backs, in bytes. */
  readonly privatePeak: number
  /** The same with pages of files, as the kernel has it; null where nothing counts them. */
  readonly peak: number | null
}

/** A group that holds its processes to a limit. */
interface Group {
  readonly how: string
  /** A process writes its number here to join. */
  readonly door: string
  killed(): number
  private(): number
  peak(): number | null
  remove(): void
}

const SAMPLE_MS = 50
const V1 = '/sys/fs/cgroup/memory'
const V2 = '/sys/fs/cgroup'

export async function runLimited(
  limitMb: number,
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Limited> {
  const group = makeGroup(limitMb)
  const isScope = group === null && hasSystemd()
  const scope = ['--scope', '--quiet', '-p', `MemoryMax=${limitMb}M`, '-p', 'MemorySwapMax=0', command, ...args]
  // What a test runner puts into each Node process by it would take a third of the memory.
  const join = ['-c', 'echo $$ > "$0" && unset NODE_OPTIONS && exec "$@"', group?.door ?? '', command, ...args]
  const [file, given] = group !== null ? ['sh', join] : isScope ? ['systemd-run', scope] : [command, args]
  const child = spawn(file, given, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let privatePeak = 0
  const sampling = setInterval(() => {
    privatePeak = Math.max(privatePeak, group?.private() ?? privateOf(child.pid!))
  }, SAMPLE_MS)
  try {
    const ended = await endOf(child)
    const killed = group?.killed() ?? null
    const how = group?.how ?? (isScope ? 'systemd-run' : 'no cgroup can be made: private memory was sampled')
    return { ...ended, how, killed, privatePeak, peak: group?.peak() ?? null }
  } finally {
    clearInterval(sampling)
    group?.remove()
  }
}

function endOf(child: ChildProcess): Promise<Pick<Limited, 'code' | 'stdout' | 'stderr'>> {
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => {
      texts[name] += chunk
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
  })
}

const read = (file: string): string => fs.readFileSync(file, 'utf8')
const field = (file: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(read(file))?.[1] ?? 0)

function makeGroup(limitMb: number): Group | null {
  const name = `umbel-test-${process.pid}-${process.hrtime.bigint()}`
  try {
    return fs.existsSync(`${V1}/memory.limit_in_bytes`) ? makeV1(`${V1}/${name}`, limitMb) : makeV2(name, limitMb)
  } catch {
    return null
  }
}

function makeV1(group: string, limitMb: number): Group {
  fs.mkdirSync(group)
  try {
    fs.writeFileSync(`${group}/memory.limit_in_bytes`, `${limitMb << 20}`)
    // With swap the limit would be none.
    const withSwap = `${group}/memory.memsw.limit_in_bytes`
    if (fs.existsSync(withSwap)) fs.writeFileSync(withSwap, `${limitMb << 20}`)
  } catch (error) {
    fs.rmdirSync(group)
    throw error
  }
  return {
    how: 'cgroup v1',
    door: `${group}/cgroup.procs`,
    killed: () => field(`${group}/memory.oom_control`, 'oom_kill'),
    private: () => field(`${group}/memory.stat`, 'total_rss'),
    peak: () => Number(read(`${group}/memory.max_usage_in_bytes`)),
    remove: () => fs.rmdirSync(group),
  }
}

function makeV2(name: string, limitMb: number): Group {
  if (!read(`${V2}/cgroup.controllers`).split(/\s/).includes('memory')) throw new Error('memory is not controlled')
  fs.writeFileSync(`${V2}/cgroup.subtree_control`, '+memory')
  const group = `${V2}/${name}`
  fs.mkdirSync(group)
  try {
    fs.writeFileSync(`${group}/memory.max`, `${limitMb << 20}`)
    if (fs.existsSync(`${group}/memory.swap.max`)) fs.writeFileSync(`${group}/memory.swap.max`, '0')
  } catch (error) {
    fs.rmdirSync(group)
    throw error
  }
  return {
    how: 'cgroup v2',
    door: `${group}/cgroup.procs`,
    killed: () => field(`${group}/memory.events`, 'oom_kill'),
    private: () => field(`${group}/memory.stat`, 'anon'),
    peak: () => (fs.existsSync(`${group}/memory.peak`) ? Number(read(`${group}/memory.peak`)) : null),
    remove: () => fs.rmdirSync(group),
  }
}

const hasSystemd = (): boolean =>
  spawnSync('systemd-run', ['--scope', '--quiet', '-p', 'MemoryMax=64M', 'true'], { stdio: 'ignore' }).status === 0

/** Private memory of a process and of all below it. */
function privateOf(root: number): number {
  const parents = new Map<number, number>()
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = attempt(() => Number(/^PPid:\s+(\d+)$/m.exec(read(path.join('/proc', name, 'status')))?.[1]))
    if (parent !== null) parents.set(Number(name), parent)
  }
  const found = [root]
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child)
  return found.reduce((sum, pid) => {
    const rollup = attempt(() => read(`/proc/${pid}/smaps_rollup`)) ?? ''
    return sum + Number(/^Anonymous:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024
  }, 0)
}

/** Null where the process has ended meanwhile. */
function attempt<T>(look: () => T): T | null {
  try {
    return look()
  } catch {
    return null
  }
}
