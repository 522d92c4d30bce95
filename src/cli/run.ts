/** `umbel run`: starts a topology, shows how far it is, and what came of it. */

import { Console } from 'node:console'
import { pathToFileURL } from 'node:url'
import pc from 'picocolors'
import { loadModule } from '../actors/load-topology.ts'
import type { Running } from '../actors/running.ts'
import { start } from '../actors/system.ts'
import { userError } from '../base/errors.ts'
import { print } from './print.ts'
import { Progress } from './progress.ts'
import { type RunResult, runResult } from './result.ts'
import { isSummary, type Summary, summaryTable } from './summary.ts'

export interface RunOptions {
  readonly export: string
  readonly dir: string
  readonly out?: string
  readonly shards?: number
  readonly workers?: number
  readonly hosts?: number
  readonly spareHost?: boolean
  readonly heapMb?: number
  readonly offHeapMb?: number
  readonly limit?: Readonly<Record<string, number>>
  readonly stallMs?: number
  readonly snapshotEvery?: string
  /** A directory; false for none, true where nothing was said. */
  readonly snapshots?: string | boolean
  readonly changedCode?: boolean
  readonly fresh?: boolean
  readonly json?: boolean
}

/** Exit code after Ctrl-C, as shells have it. */
const EXIT_INTERRUPTED = 130

export async function run(module: string, options: RunOptions): Promise<void> {
  // What the user's module prints when it is loaded must not stand beside the result.
  if (options.json) globalThis.console = new Console(process.stderr)
  const { snapshotEvery: every, snapshots: place, limit: limits, json: _, ...plain } = options
  if (place === false && every !== undefined)
    throw userError('option', '--no-snapshots takes none, so that --snapshot-every says nothing: give one of them')
  const directory = typeof place === 'string' ? place : undefined
  const snapshots = place === false ? false : { every, directory }
  const running = await start(module, { ...plain, limits, snapshots, host: 'process' })
  const progress = options.json ? null : new Progress(running, process.stderr)
  let signals = 0
  const onSignal = (): void => {
    // A second Ctrl-C does not wait for the stores; nothing is lost by it either.
    if (++signals > 1) process.exit(EXIT_INTERRUPTED)
    progress?.say('stopping at the next epoch; the same command goes on from there')
    running.stop().catch(() => {})
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  let outcome: 'finished' | 'drained'
  try {
    outcome = await running.ended
  } finally {
    progress?.end()
  }
  const result = runResult(running, outcome, process.uptime(), options)
  const summary = outcome === 'finished' ? await summarise(module, result.out) : null
  if (options.json) print(JSON.stringify({ ...result, summary }))
  else print(describe(running, result, summary))
  if (outcome === 'drained') process.exitCode = EXIT_INTERRUPTED
}

/** What the module's own `summary(out)` says, if it exports one. */
async function summarise(module: string, out: string): Promise<Summary | null> {
  const { summary } = await loadModule(module.startsWith('file:') ? module : pathToFileURL(module).href)
  const made = typeof summary === 'function' ? await summary(out) : null
  return isSummary(made) ? made : null
}

function describe(running: Running, result: RunResult, summary: Summary | null): string {
  const rows = `${result.rows.toLocaleString('en')} rows`
  const seconds = `${result.seconds.toFixed(1)} s`
  const rate = Math.round(result.rows / result.seconds).toLocaleString('en')
  const work = result.continued ? `${rows} in all, this run took ${seconds}` : `${rows} in ${seconds} (${rate} rows/s)`
  const lines = [`${pc.bold(result.topology)} ${result.outcome}: ${work}`]
  for (const { what, reason } of running.deaths())
    lines.push(pc.yellow(`  ${what} died (${reason}) and was started again`))
  for (const note of running.notes()) lines.push(pc.yellow(`  ${note}`))
  const settled = result.settled > 0 ? `, of which ${result.settled} were retried or dropped since` : ''
  if (result.rejected > 0)
    lines.push(
      pc.yellow(
        `  ${result.rejected === 1 ? 'one row was' : `${result.rejected} rows were`} turned away${settled}: see ${result.deadLetters}, or: npx umbel dead-letters list ${result.directory}`,
      ),
    )
  if (result.outcome === 'drained') {
    lines.push('', 'Interrupted: run the same command again, it goes on where it was.')
    return lines.join('\n')
  }
  if (summary !== null) lines.push('', pc.bold(summary.title), summaryTable(summary))
  if (result.files.length > 0) lines.push('', pc.bold('Files'), ...result.files.map((file) => `  ${file}`))
  const lookUps = result.indexes.map(
    ({ name, keys }) => `  npx umbel lookup ${result.directory} ${name} <${keys.join('> <')}>`,
  )
  if (lookUps.length > 0) lines.push('', pc.bold('Look up'), ...lookUps)
  lines.push(
    '',
    pc.bold('Next'),
    `  npx umbel inspect ${result.directory}    how far each shard came, and what it stores`,
  )
  return lines.join('\n')
}
