/**
 * What the user can mend, in human form and as JSON: each error names the thing and the remedy, and the exit code is 1.
 * Parquet files are written by DuckDB.
 */
import fs from 'node:fs'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'
import { project, sortedLines, startProcess, umbel } from './support.ts'

const SMALL = ['--shards', '1', '--workers', '1']

const JOB = `
import { count, csv, csvFile, eventTime, int, parquet, schema, source, string, sum, topology, tumbling } from 'umbel'
const Row = schema({ at: eventTime(), n: int(), k: string() })
const file = process.env.IN
const rows = source('rows', Row, file.endsWith('.parquet') ? parquet(file) : csv(file))
export default topology('job', rows.keyBy('k').window(tumbling('1h')).aggregate({ rows: count(), n: sum('n') }).to(csvFile('o.csv')))
`

const STARTS = (how: string): string => `
import { array, csvFile, eventTime, schema, source, start, topology } from 'umbel'
const Row = schema({ at: eventTime() })
export default topology('starts', source('rows', Row, array([{ at: 1 }])).to(csvFile('o.csv')))
${how}(new URL(import.meta.url))
`

const directory = project(t, {
  'job.ts': JOB,
  'good.csv': 'at,n,k\n2001-01-13T09:30:00Z,1,a\n2001-01-13T09:31:00Z,2,a\n',
  'missing.csv': 'at,k\n2001-01-13T09:30:00Z,a\n',
  'empty.csv': '',
  'wrong.csv': 'at,n,k\n2001-01-13T09:30:00Z,1,a\n2001-01-13T09:31:00Z,abc,a\nnever,3,a\n2001-01-13T09:32:00Z,4,a\n',
  'text.parquet': 'this is not parquet, whatever its name says',
  'broken.ts': 'import { topology } from "umbel"\nexport default topology(\n',
  'broken.mjs': 'import { topology } from "umbel"\nexport default topology(\n',
  'throws.ts': 'throw new Error("no luck today")',
  'lacks.ts': 'import nothing from "no-such-package"\nexport default nothing',
  'number.ts': 'export default 42',
  'named.ts': 'export { default as mine } from "./job.ts"',
  'starts.ts': STARTS('start'),
  'awaits.ts': STARTS('await start'),
  'starts.mjs': STARTS('start'),
  'own.mjs': STARTS('await start'),
  'notes.txt': 'no module',
  'in-the-way': '',
})
fs.mkdirSync(path.join(directory, 'blocked/o.csv'), { recursive: true })

const database = await DuckDBInstance.create(':memory:')
const connection = await database.connect()
const at = `timestamp '2001-01-13 09:30:00' + interval (i) second as at`
for (const [file, columns] of [
  ['missing', `${at}, 'a' as k`],
  ['type', `${at}, 'x' as n, 'a' as k`],
  ['null', `${at}, case when i = 700 then null else i end as n, 'a' as k`],
  ['good', `${at}, i as n, 'a' as k`],
] as const) {
  const into = path.join(directory, `${file}.parquet`)
  await connection.run(`copy (select ${columns} from range(1000) r(i)) to '${into}' (format parquet)`)
}
const good = fs.readFileSync(path.join(directory, 'good.parquet'))
fs.writeFileSync(path.join(directory, 'cut.parquet'), good.subarray(0, good.length - 300))
const damaged = Buffer.from(good)
damaged.fill(0x5a, 4, 1500)
fs.writeFileSync(path.join(directory, 'damaged.parquet'), damaged)

interface Case {
  readonly args: readonly string[]
  /** The input of `job.ts`. */
  readonly input?: string
  readonly code: string
  readonly message: RegExp
  /** Such an error takes another way; it is asked for in one form only, since a run costs a second. */
  readonly isInWorker?: boolean
}

const ofModule = (module: string, code: string, message: RegExp, ...more: string[]): Case => ({
  args: [module, ...more],
  code,
  message,
})
const ofInput = (input: string, message: RegExp): Case => ({
  args: ['job.ts'],
  input,
  code: input.endsWith('.csv') ? 'csv' : 'parquet',
  message,
})
const ofOption = (code: string, message: RegExp, ...args: string[]): Case => ({
  args: ['job.ts', ...args],
  code,
  message,
})

const inWorker = (given: Case): Case => ({ ...given, isInWorker: true })

const CASES: Readonly<Record<string, Case>> = {
  'csv: no such column': ofInput(
    'missing.csv',
    /'rows': missing\.csv has no column 'n' .*it has at, k: name the right/,
  ),
  'csv: an empty file': ofInput('empty.csv', /'rows': empty\.csv has no header, it is empty/),
  'csv: no such file': ofInput('nowhere.csv', /'rows': there is no file nowhere\.csv: check the path/),
  'parquet: no such column': ofInput('missing.parquet', /'rows': missing\.parquet has no column 'n'; it has at, k: /),
  'parquet: another type': ofInput(
    'type.parquet',
    /'rows': column 'n' of type\.parquet holds .* which is no int: change/,
  ),
  'parquet: a null': inWorker(
    ofInput('null.parquet', /'n' of null\.parquet must be int, .* null in row 700: make .* optional/),
  ),
  'parquet: cut short': ofInput('cut.parquet', /'rows': cut\.parquet is not a readable parquet file, or is cut short/),
  'parquet: not parquet': ofInput('text.parquet', /'rows': text\.parquet is not a readable parquet file/),
  'parquet: damaged': inWorker(
    ofInput('damaged.parquet', /damaged\.parquet cannot be read beyond row 0, it is damaged or cut/),
  ),
  'parquet: no such file': ofInput('nowhere.parquet', /'rows': there is no file nowhere\.parquet: check the path/),
  'no such module': ofModule('nowhere.ts', 'module', /there is no module .*nowhere\.ts: check the path/),
  'no module at all': ofModule('notes.txt', 'module', /notes\.txt is no module: give a \.ts, \.js or \.mjs file/),
  'a directory': ofModule('.', 'module', /is no module: give a \.ts/),
  'a syntax error in TypeScript': ofModule('broken.ts', 'module', /cannot load .*broken\.ts: [\s\S]*broken\.ts:\d/),
  'a syntax error in JavaScript': ofModule('broken.mjs', 'module', /cannot load .*broken\.mjs: .*'node --check'/),
  'a module that throws': ofModule('throws.ts', 'module', /cannot load .*throws\.ts: no luck today/),
  'a package that is not there': ofModule('lacks.ts', 'module', /cannot load .*lacks\.ts: .*'no-such-package'/),
  'no such export': ofModule('named.ts', 'export', /no topology as 'other'; it exports 'mine'/, '--export', 'other'),
  'no topology': ofModule('number.ts', 'export', /no topology as 'default'; write 'export default topology\(/),
  'starts when imported': ofModule('starts.ts', 'starts-on-import', /starts a system when it is imported.*export the/),
  'starts and waits': ofModule('awaits.ts', 'starts-on-import', /starts a system when it is imported.*export the/),
  'starts, in JavaScript': ofModule('starts.mjs', 'starts-on-import', /starts a system when it is imported/),
  'too many shards': ofOption('option', /shards must be a whole number from 1 to 256, got 1000/, '--shards', '1000'),
  'too many workers': ofOption('option', /workers must be a whole number from 1 to 60, got 61/, '--workers', '61'),
  'a heap too small': ofOption('option', /heapMb must be a whole number from 32 to 65536, got 1/, '--heap-mb', '1'),
  'a file where dir should be': ofOption(
    'ENOTDIR',
    /'in-the-way\/job': .* in the way; .* --dir/,
    '--dir',
    'in-the-way',
  ),
  'a file where out should be': inWorker(
    ofOption('EEXIST', /'in-the-way': .* in the way; .* --out/, '--out', 'in-the-way'),
  ),
  'a file in the path of out': inWorker(ofOption('ENOTDIR', /'in-the-way\/x': .* in the way/, '--out', 'in-the-way/x')),
  // Node itself tries for ever there.
  'a data directory that cannot be made': ofOption(
    'ENOENT',
    /mkdir '\/proc\/nope': no directory.* --dir/,
    '--dir',
    '/proc/nope',
  ),
  'a place of snapshots that cannot be made': ofOption(
    'ENOENT',
    /no directory can be.* --snapshots/,
    '--snapshots',
    '/proc/nope',
  ),
  'a place of results that cannot be made': inWorker(
    ofOption('ENOENT', /'\/proc\/nope'.* --out/, '--out', '/proc/nope/out'),
  ),
  'a directory where a result should be': inWorker(
    ofOption('EISDIR', /'blocked\/o\.csv': .* in the way/, '--out', 'blocked'),
  ),
}

for (const [name, { args, input, code, message, isInWorker = false }] of Object.entries(CASES)) {
  t.test(name, async (t) => {
    const env = { IN: input ?? 'good.csv' }
    const run = (state: string, ...more: string[]) => {
      // An option given by the case stands last and holds.
      const given = ['run', args[0]!, ...SMALL, '--dir', `${state}/state`, '--out', `${state}/out`, ...args.slice(1)]
      return umbel(directory, [...given, ...more], { env })
    }
    const [human, json] = await Promise.all([run(`${t.name}-1`), isInWorker ? null : run(`${t.name}-2`, '--json')])
    t.equal(human.code, 1)
    t.equal(human.stdout, '')
    t.match(human.stderr, message)
    t.match(human.stderr, /(^|\n)error /)
    t.notMatch(human.stderr, /\n {4}at /, 'no stack')
    t.notMatch(human.stderr, /starting it again/, 'what no restart mends is not tried again')
    if (json === null) return
    t.equal(json.code, 1)
    const said = JSON.parse(json.stdout)
    t.match(said, { error: { kind: 'user', code, message } })
  })
}

t.test('cells of the wrong type are dead letters, and the run goes on', async (t) => {
  const { code, stdout } = await umbel(directory, ['run', 'job.ts', ...SMALL, '--json'], { env: { IN: 'wrong.csv' } })
  t.equal(code, 0)
  const result = JSON.parse(stdout)
  t.match(result, { outcome: 'finished', rows: 2, rejected: 2 })
  const letters = fs.readFileSync(path.join(directory, result.deadLetters), 'utf8').trim().split('\n')
  t.match(
    letters.map((letter) => JSON.parse(letter)),
    [
      { source: 'rows', offset: 1, kind: 'bad', reason: `'n' must be int, got "abc": it is not a whole number` },
      { source: 'rows', offset: 2, kind: 'bad', reason: /'at' must be event time, got "never"/ },
    ],
  )
  t.ok(sortedLines(path.join(directory, 'out/job/o.csv')).some((line) => line.endsWith(',2,5')))
})

t.test('a program that starts its own module is told so', async (t) => {
  const { code, stderr } = await startProcess(process.execPath, ['own.mjs'], directory).ended
  t.equal(code, 1)
  t.match(stderr, 'starts a system when it is imported')
})

t.test('a place of snapshots that cannot be made leaves no unfinished run behind', async (t) => {
  const run = ['run', 'job.ts', ...SMALL, '--dir', 'nowhere/state', '--out', 'nowhere/out']
  t.equal((await umbel(directory, [...run, '--snapshots', '/proc/nope'], { env: { IN: 'good.csv' } })).code, 1)
  t.equal((await umbel(directory, run, { env: { IN: 'good.csv' } })).code, 0)
})

t.test('a wrong option leaves nothing behind', async (t) => {
  const fresh = project(t, { 'job.ts': JOB, 'good.csv': fs.readFileSync(path.join(directory, 'good.csv')) })
  t.equal((await umbel(fresh, ['run', 'job.ts', '--workers', '61'])).code, 1)
  t.notOk(fs.existsSync(path.join(fresh, '.umbel')))
})
