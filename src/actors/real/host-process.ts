/** Forks host processes, and knows which process ids are still whose. */
import { type ChildProcess, fork } from 'node:child_process'
import fs from 'node:fs'
import { isMemoryShort } from '../../base/memory.ts'
import type { FromHost, ToHost } from '../protocol.ts'

export interface HostProcess {
  readonly pid: number
  send(message: ToHost): void
  kill(signal: 'SIGKILL'): void
}

const ENVIRONMENT: NodeJS.ProcessEnv = {
  // LMDB commits and log writes of all shards share this pool.
  UV_THREADPOOL_SIZE: '8',
  // Each of its threads would get a heap of its own from the C library, of which parts stay empty.
  ...(isMemoryShort() ? { MALLOC_ARENA_MAX: '2' } : {}),
}

export interface HostEvents {
  onMessage(message: FromHost): void
  /** The process was reaped: it is certainly dead. */
  onExit(code: number | null, signal: string | null): void
}

export function forkHost(events: HostEvents): HostProcess {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const child: ChildProcess = fork(new URL(`./host-main.${extension}`, import.meta.url), {
    serialization: 'advanced',
    // What the caller's own modules need (a loader, a debugger's port) is not for hosts: from sources they need its loader.
    execArgv: extension === 'ts' ? process.execArgv : [],
    env: { ...ENVIRONMENT, ...process.env },
    // What user code prints there is said to people: stdout is the program's own, and may be JSON.
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  child.on('message', (message) => events.onMessage(message as FromHost))
  child.on('exit', (code, signal) => events.onExit(code, signal))
  child.on('error', () => {})
  return {
    pid: child.pid!,
    send: (message) => {
      if (child.connected) child.send(message, () => {})
    },
    kill: (signal) => void child.kill(signal),
  }
}

/** When a process started, as the kernel counts it; null when there is none. Tells a pid from its successor. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended already: it waits for its parent to look.
    return fields[0] === 'Z' ? null : fields[19]!
  } catch {
    return fs.existsSync('/proc/self') ? null : aliveWithoutProc(pid)
  }
}

function aliveWithoutProc(pid: number): string | null {
  try {
    process.kill(pid, 0)
    return 'alive'
  } catch {
    return null
  }
}

export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
