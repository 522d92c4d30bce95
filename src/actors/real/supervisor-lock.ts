/**
 * One supervisor a data directory. The lock file names the holder by pid and start time, and its hosts: a new
 * supervisor takes over only from a dead one, and first kills the hosts that it left behind, so that no shard ever has
 * two lives at once (NZ-1).
 */
import fs from 'node:fs'
import { setTimeout as after } from 'node:timers/promises'
import { userError } from '../../base/errors.ts'
import { makeDirectory } from '../../base/real/make-directory.ts'
import type { Lock } from '../../base/seam.ts'
import { killProcess, startTimeOf } from './host-process.ts'

interface ProcessName {
  readonly pid: number
  readonly start: string
}

interface LockRecord extends ProcessName {
  readonly hosts: readonly ProcessName[]
}

const lockFile = (directory: string): string => `${directory}/supervisor.json`
const isAlive = ({ pid, start }: ProcessName): boolean => startTimeOf(pid) === start

/** True while a living supervisor holds the directory. */
export function isHeld(directory: string): boolean {
  const file = lockFile(directory)
  const holder = fs.existsSync(file) ? parseLock(fs.readFileSync(file, 'utf8')) : null
  return holder !== null && isAlive(holder)
}

export class SupervisorLock implements Lock {
  readonly #file: string
  readonly #record: ProcessName
  #hosts: ProcessName[] = []

  private constructor(file: string) {
    this.#file = file
    this.#record = { pid: process.pid, start: startTimeOf(process.pid) ?? 'unknown' }
  }

  /** @throws user error `locked` when a living supervisor holds the directory */
  static async take(directory: string): Promise<SupervisorLock> {
    makeDirectory(directory)
    const lock = new SupervisorLock(lockFile(directory))
    while (!lock.#create()) await lock.#clearDead(directory)
    return lock
  }

  /** Notes a host before it is told to do anything. */
  addHost(pid: number): void {
    this.#hosts = [...this.#hosts.filter(isAlive), { pid, start: startTimeOf(pid) ?? 'unknown' }]
    const temporary = `${this.#file}.${process.pid}`
    fs.writeFileSync(temporary, this.#text())
    fs.renameSync(temporary, this.#file)
  }

  release(): void {
    fs.rmSync(this.#file, { force: true })
  }

  #text(): string {
    const record: LockRecord = { ...this.#record, hosts: this.#hosts }
    return `${JSON.stringify(record)}\n`
  }

  // Written whole before it gets its name: a link fails where the name is taken.
  #create(): boolean {
    const temporary = `${this.#file}.${process.pid}`
    fs.writeFileSync(temporary, this.#text())
    try {
      fs.linkSync(temporary, this.#file)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      fs.rmSync(temporary, { force: true })
    }
  }

  async #clearDead(directory: string): Promise<void> {
    let text: string
    try {
      text = fs.readFileSync(this.#file, 'utf8')
    } catch {
      return
    }
    const holder = parseLock(text)
    if (holder !== null && isAlive(holder)) {
      throw userError(
        'locked',
        `another supervisor (process ${holder.pid}) runs in ${directory}: stop it first, or take another directory with --dir`,
      )
    }
    for (const host of holder?.hosts ?? []) if (isAlive(host)) killProcess(host.pid)
    while (holder?.hosts.some(isAlive)) await after(5)
    // Only the lock that was judged dead is removed, never one that a quicker successor has made.
    const stale = `${this.#file}.stale.${process.pid}`
    try {
      fs.renameSync(this.#file, stale)
    } catch {
      return
    }
    if (fs.readFileSync(stale, 'utf8') !== text) fs.renameSync(stale, this.#file)
    else fs.rmSync(stale)
  }
}

function parseLock(text: string): LockRecord | null {
  try {
    return JSON.parse(text) as LockRecord
  } catch {
    return null
  }
}
