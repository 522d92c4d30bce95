/** The command in a child process, as a user meets it, with modules and directories of a test's own. */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'

export const root = path.resolve(import.meta.dirname, '../..')
export const cli = path.join(root, 'dist/cli/main.js')

/** How a process ended and what it said. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  /** Resolves when the process and all that inherited its stderr, hosts too, have ended. */
  readonly ended: Promise<Ended>
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>
  /** As the leader of a process group, as shells do. */
  readonly detached?: boolean
}

/** A test's directory with these files, in which modules find `umbel`. */
export function project(t: Test, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const directory = t.testdir({ node_modules: {} })
  fs.symlinkSync(root, path.join(directory, 'node_modules/umbel'))
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), content)
  return directory
}

export function startProcess(
  command: string,
  args: readonly string[],
  cwd: string,
  { env = {}, detached = false }: SpawnOptions = {},
): Started {
  // tap puts its own loaders into NODE_OPTIONS of whatever is spawned: they are slow, and write files as they end.
  const plain = ['-u', 'NODE_OPTIONS', command, ...args]
  const child = spawn('env', plain, {
    cwd,
    detached,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}

export const startUmbel = (cwd: string, args: readonly string[], options?: SpawnOptions): Started =>
  startProcess(process.execPath, [cli, ...args], cwd, options)

export const umbel = (cwd: string, args: readonly string[], options?: SpawnOptions): Promise<Ended> =>
  startUmbel(cwd, args, options).ended

/** Resolves when the file is there. */
export function appears(file: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!fs.existsSync(file)) return
      watcher.close()
      resolve()
    }
    const watcher = fs.watch(path.dirname(file), { persistent: false }, look)
    look()
  })
}

/** The lines of a file in order of their text: rows may come in any order. */
export const sortedLines = (file: string): string[] => fs.readFileSync(file, 'utf8').split('\n').sort()

/**
 * Clicks that stop coming when a third of them has been read, if `HOLD` names a file: that file is then written, and the
 * rest comes when `go` is written into it. So a test does something to a run that is under way, and no clock decides what that is.
 * `WINDOW` makes it another definition.
 */
export const CLICKS = `
import fs from 'node:fs'
import { count, csvFile, eventTime, generator, int, schema, source, string, sum, topology, tumbling } from 'umbel'

const Click = schema({ at: eventTime(), n: int(), user: string() })
const all = generator({ rows: 45_000, row: (n) => ({ at: n * 700, n, user: 'user-' + ((n * 7919) % 97) }) })
const hold = process.env.HOLD

const held = {
  ...all,
  async open(context, split, position) {
    const reader = await all.open(context, split, position)
    let isHeld = hold !== undefined && position === null
    return {
      async read(rowsMax) {
        if (!isHeld) return reader.read(Math.min(rowsMax, 1000))
        const left = 15_000 - reader.position().index
        if (left > 0) return reader.read(Math.min(rowsMax, 1000, left))
        if (!fs.existsSync(hold)) fs.writeFileSync(hold, '')
        else if (fs.readFileSync(hold, 'utf8') === 'go') isHeld = false
        return 'wait'
      },
      position: () => reader.position(),
      progress: () => reader.progress(),
      close: () => reader.close(),
    }
  },
}

export default topology('clicks', source('clicks', Click, held)
  .keyBy('user')
  .window(tumbling(process.env.WINDOW ?? '1s'))
  .aggregate({ clicks: count(), n: sum('n') })
  .to(csvFile('clicks.csv')))
`
