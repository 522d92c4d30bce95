#!/usr/bin/env node
/** The `umbel` command. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { userError } from '../base/errors.ts'
import { UMBEL_VERSION } from '../base/version.ts'
import { deadLettersDrop, deadLettersList, deadLettersRetry, deadLettersShow } from './dead-letters.ts'
import { reportError } from './errors.ts'
import { inspect } from './inspect.ts'
import { lookup } from './lookup.ts'
import { plan } from './plan.ts'
import { rescale } from './rescale.ts'
import { run } from './run.ts'
import { snapshotCreate, snapshotList, snapshotRestore, snapshotVerify } from './snapshot.ts'

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number above 0.')
  return value
}

/** Names are checked where limits are known. */
function limit(text: string, before: Readonly<Record<string, number>>): Record<string, number> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('give a name and a whole number above 0, such as epochRowsMax=1000.')
  return { ...before, [text.slice(0, at)]: wholeNumber(text.slice(at + 1)) }
}

const isJson = process.argv.includes('--json')

const program = new Command('umbel')
  .description('A real-time feature platform on an actor-model stream processor.')
  .version(UMBEL_VERSION)
  .exitOverride()
  .showHelpAfterError("see 'umbel --help', and --help of each command")
  .configureOutput({
    writeErr: (text) => {
      if (!isJson) process.stderr.write(text)
    },
  })
  .addHelpText(
    'after',
    `
Examples:
  $ umbel run flights.ts                 run a topology; interrupted, the same command goes on
  $ umbel run flights.ts --json          print nothing but the result, as JSON
  $ umbel plan flights.ts                what it becomes, and why state is kept
  $ umbel inspect .umbel/flights         what is stored: shards, positions, watermarks, sizes
  $ umbel dead-letters list .umbel/flights   rows that were turned away, and why`,
  )

program
  .command('run')
  .description('run the topology that a module exports, until its input ends or Ctrl-C')
  .argument('<module>', 'a .ts or .js module that exports a topology')
  .option('--export <name>', 'name of the export', 'default')
  .option('--dir <directory>', 'where state and logs live', '.umbel')
  .option('--out <directory>', 'where sinks write (default: out/<topology>)')
  .option('--shards <n>', 'shards of each keyed stage', wholeNumber)
  .option('--workers <n>', 'worker threads a host', wholeNumber)
  .option('--hosts <n>', 'host processes', wholeNumber)
  .option('--no-spare-host', 'have no host process stand by for recovery')
  .option('--heap-mb <n>', 'heap limit of each worker, from 32 (default: 512)', wholeNumber)
  .option(
    '--off-heap-mb <n>',
    'what each worker may hold in buffers outside its heap, from 64 (default: 1024)',
    wholeNumber,
  )
  .option('--limit <name=n>', 'a limit of each shard, such as epochBytesMax=4000000; may be repeated', limit, {})
  .option(
    '--stall-ms <n>',
    'how long a call of a function may take before its worker hangs (default: 10000)',
    wholeNumber,
  )
  .option('--snapshot-every <duration>', 'how often each shard copies its store (default: 5m)')
  .option('--snapshots <directory>', "where the copies go (default: 'snapshots' in the data directory)")
  .option('--no-snapshots', 'take none, and never trim logs')
  .option('--changed-code', 'go on with an interrupted run although functions have changed since')
  .option('--fresh', 'discard the state of an interrupted run')
  .option('--json', 'print nothing but the result, as JSON')
  .addHelpText(
    'after',
    `
Examples:
  $ umbel run flights.ts
  $ umbel run flights.ts --dir /tmp/try --out /tmp/try/out
  $ umbel run pipelines.js --export clicks --shards 4`,
  )
  .action(run)

program
  .command('plan')
  .description('show what a topology becomes: stages, bounds of lateness, and why state is kept')
  .argument('<module>', 'a .ts or .js module that exports a topology')
  .option('--export <name>', 'name of the export', 'default')
  .option('--shards <n>', 'shards of each keyed stage', wholeNumber)
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample:\n  $ umbel plan flights.ts')
  .action(plan)

program
  .command('inspect')
  .description('show what a data directory holds; also while it runs')
  .argument('<directory>', "a topology's data directory, such as .umbel/flights")
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample:\n  $ umbel inspect .umbel/flights --json')
  .action(inspect)

program
  .command('lookup')
  .description('show the row of a key in an index; also while it runs')
  .argument('<directory>', "a topology's data directory, such as .umbel/flights")
  .argument('<index>', 'the name that .index() was given')
  .argument('<key...>', 'the values of its key columns, in their order')
  .option('--at <time>', 'the row that held then, such as 2026-01-01T09:30:00Z (default: now)')
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample:\n  $ umbel lookup .umbel/users profiles ann --at 2026-01-01')
  .action(lookup)

program
  .command('rescale')
  .description('give a stage another number of shards, also while it runs: its keys move with their state')
  .argument('<directory>', "a topology's data directory, such as .umbel/flights")
  .argument('<stage>', "a stage, such as 'by-origin': see inspect")
  .requiredOption('--shards <n>', 'how many shards', wholeNumber)
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample:\n  $ umbel rescale .umbel/flights by-origin --shards 4')
  .action(rescale)

const snapshot = program
  .command('snapshot')
  .description('snapshots of the stores of a data directory')
  .addHelpText(
    'after',
    `
Examples:
  $ umbel snapshot list .umbel/flights
  $ umbel snapshot create .umbel/flights          at once; also while it runs
  $ umbel snapshot verify .umbel/flights          reads every byte of them
  $ umbel snapshot restore .umbel/flights         puts the newest back in the place of the stores`,
  )
const ofDirectory = (name: string, description: string) =>
  snapshot
    .command(name)
    .description(description)
    .argument('<directory>', "a topology's data directory, such as .umbel/flights")
    .option('--json', 'as JSON')
ofDirectory('list', 'what there is').action(snapshotList)
ofDirectory('create', 'take one of every store now, also while it runs').action(snapshotCreate)
ofDirectory(
  'verify',
  'read every chunk and compare its hash; a damaged one is removed, so that the next snapshot writes it anew',
).action(snapshotVerify)
ofDirectory('restore', 'put the newest whole ones in the place of the stores; the next run replays the rest')
  .option('--shard <shard>', 'of one shard only, such as by-origin/0')
  .action(snapshotRestore)

const deadLetters = program
  .command('dead-letters')
  .description('rows that were turned away: late, not of the schema, or such as a function threw on or died of')
  .addHelpText(
    'after',
    `
Examples:
  $ umbel dead-letters list .umbel/flights --kind threw
  $ umbel dead-letters show .umbel/flights 3      with the whole row, error and stack
  $ umbel dead-letters retry .umbel/flights 3 --row '{"at":"2026-01-01T00:00:00Z","delay":7}'
  $ umbel dead-letters drop .umbel/flights --kind late`,
  )
deadLetters
  .command('list')
  .description('what there is; also while it runs')
  .argument('<directory>', "a topology's data directory, such as .umbel/flights")
  .option('--kind <kind>', 'bad, late, ahead, threw or killed')
  .option('--source <name>', 'of one source or stage')
  .option('--open', 'those alone that were neither retried nor dropped')
  .option('--limit <n>', 'rows to show', wholeNumber, 50)
  .option('--json', 'as JSON: all of them')
  .action(deadLettersList)
deadLetters
  .command('show')
  .description('all about one of them')
  .argument('<directory>', "a topology's data directory, such as .umbel/flights")
  .argument('<number>', 'as list numbers them', wholeNumber)
  .option('--json', 'as JSON')
  .action(deadLettersShow)
const wholeNumbers = (text: string, before: readonly number[] = []): number[] => [...before, wholeNumber(text)]
const onLetters = (name: string, description: string) =>
  deadLetters
    .command(name)
    .description(description)
    .argument('<directory>', "a topology's data directory, such as .umbel/flights")
    .argument('[numbers...]', 'as list numbers them', wholeNumbers, [])
    .option('--kind <kind>', 'all open ones that are bad, late, ahead, threw or killed')
    .option('--source <name>', 'all open ones of one source or stage')
    .option('--all', 'all open ones')
    .option('--json', 'as JSON')
onLetters('retry', 'take rows once more where they were turned away, now or from the next start on')
  .option('--row <json>', 'another row in its place')
  .action(deadLettersRetry)
onLetters('drop', 'note that they need no more attention').action(deadLettersDrop)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) reportError(error, isJson)
  else if (isJson && error.exitCode !== 0) reportError(userError('usage', error.message.replace(/^error: /, '')), true)
  else process.exitCode = error.exitCode
}
