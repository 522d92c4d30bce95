/** The command as a user meets it: help, modules of every kind, JSON, progress, and what a directory holds. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { CLICKS, cli, project, root, sortedLines, startProcess, umbel } from './support.ts'

const SMALL = ['--shards', '1', '--workers', '1']

t.test('help has examples and lists every option', async (t) => {
  const directory = project(t)
  const help = await umbel(directory, ['--help'])
  t.equal(help.code, 0)
  t.match(help.stdout, /Examples:\n {2}\$ umbel run flights\.ts/)
  const run = await umbel(directory, ['run', '--help'])
  t.match(run.stdout, /Examples:\n {2}\$ umbel run flights\.ts/)
  for (const option of ['export', 'dir', 'out', 'shards', 'workers', 'hosts', 'heap-mb', 'stall-ms', 'fresh', 'json']) {
    t.match(run.stdout, `--${option}`)
  }
  t.match((await umbel(directory, ['inspect', '--help'])).stdout, /Example:\n {2}\$ umbel inspect/)
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  t.equal((await umbel(directory, ['--version'])).stdout, `${version}\n`)
})

t.test('the build can be run by its own name, as `npx umbel` does in a clone', async (t) => {
  const { code, stdout } = await startProcess(cli, ['--version'], t.testdir()).ended
  t.equal(code, 0)
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

t.test('what is not understood is said, with the way to the help, and is one document with --json', async (t) => {
  const directory = project(t)
  for (const [args, message] of [
    [['rum'], "unknown command 'rum'"],
    [['run', 'x.ts', '--bogus'], "unknown option '--bogus'"],
    [['run'], "missing required argument 'module'"],
    [['inspect'], "missing required argument 'directory'"],
    [['run', 'x.ts', '--shards', '0'], 'give a whole number above 0'],
    [['run', 'x.ts', '--workers', '1.5'], 'give a whole number above 0'],
  ] as const) {
    const [human, json] = await Promise.all([umbel(directory, args), umbel(directory, [...args, '--json'])])
    t.equal(human.code, 1, args.join(' '))
    t.ok(human.stderr.includes(message), human.stderr)
    t.ok(human.stderr.includes("see 'umbel --help'"))
    t.equal(human.stdout, '')
    t.equal(json.code, 1)
    t.equal(json.stderr, '')
    const { error } = JSON.parse(json.stdout)
    t.match(error, { kind: 'user', code: 'usage' })
    t.ok(error.message.includes(message), error.message)
  }
})

t.test('a TypeScript module, its result, and what the directory then holds', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const { code, stdout, stderr } = await umbel(directory, ['run', 'clicks.ts', ...SMALL])
  t.equal(code, 0)
  t.match(stdout, /^clicks finished: 45,000 rows in [\d.]+ s \([\d,]+ rows\/s\)\n/)
  t.match(stdout, /Files\n {2}out\/clicks\/clicks\.csv\n/)
  t.match(stdout, /Next\n {2}npx umbel inspect \.umbel\/clicks /)
  t.match(stderr, /100\.0 % {2}45,000 rows/, 'a plain line where there is no terminal')
  t.notMatch(stderr + stdout, '\x1b', 'no colours and no bar')

  const inspected = await umbel(directory, ['inspect', '.umbel/clicks'])
  t.match(inspected.stdout, /^clicks: finished, 1 shards a stage, definition [0-9a-f]{16}\n/)
  for (const shard of ['clicks/0', 'by-user/0', 'clicks.csv/0', 'dead-letters/0']) t.match(inspected.stdout, shard)
  const json = await umbel(directory, ['inspect', '.umbel/clicks', '--json'])
  const { job, shards } = JSON.parse(json.stdout)
  t.match(job, { topology: 'clicks', state: 'finished', parallelism: 1 })
  t.match(shards, Array(4).fill({ isFinished: true, watermark: 'end' }))
})

const MODULE = (imports: string): string => `
${imports}
const Visit = schema({ at: eventTime(), country: string() })
console.log('the module is loaded')
const visits = source('visits', Visit, array([{ at: 1, country: 'no' }, { at: 2, country: 'pt' }, { at: 'x' }]))
export const named = topology('visits', visits
  .filter((visit) => { console.log('a filter runs'); return visit.country === 'no' })
  .to(csvFile('visits.csv')))
export const summary = (out) => ({ title: 'Countries', rows: [{ country: 'no', visits: 1, out }] })
`
const ESM = MODULE("import { array, csvFile, eventTime, schema, source, string, topology } from 'umbel'")

t.test('JavaScript modules, a named export, and nothing but the document with --json', async (t) => {
  const directory = project(t, {
    'visits.mjs': ESM,
    'visits.js': ESM,
    'visits.mts': ESM.replace('(out)', '(out: string)'),
    'package.json': '{ "type": "module" }',
  })
  for (const file of ['visits.mjs', 'visits.js', 'visits.mts']) {
    const args = [
      'run',
      file,
      '--export',
      'named',
      '--dir',
      `state-${file}`,
      '--out',
      `out-${file}`,
      '--json',
      ...SMALL,
    ]
    const { code, stdout, stderr } = await umbel(directory, args)
    t.equal(code, 0, file)
    const { seconds, ...result } = JSON.parse(stdout)
    t.ok(seconds > 0)
    t.match(result, {
      topology: 'visits',
      outcome: 'finished',
      continued: false,
      rows: 2,
      rejected: 1,
      restarts: 0,
      directory: `state-${file}/visits`,
      out: `out-${file}`,
      files: [`out-${file}/visits.csv`],
      deadLetters: `state-${file}/visits/dead-letters.jsonl`,
      summary: { title: 'Countries', rows: [{ country: 'no', visits: 1, out: `out-${file}` }] },
    })
    t.same(sortedLines(path.join(directory, `out-${file}/visits.csv`)), [
      '',
      '1970-01-01T00:00:00.000001Z,no',
      'at,country',
    ])
    t.match(stderr, /the module is loaded[\s\S]*a filter runs/, 'what user code prints goes to stderr')
    const letters = fs.readFileSync(path.join(directory, result.deadLetters), 'utf8').trim().split('\n')
    t.match(
      letters.map((line) => JSON.parse(line)),
      [{ source: 'visits', kind: 'bad', offset: 2, reason: /'at' must be/ }],
    )
  }
})

t.test('the summary of a module is a table', async (t) => {
  const directory = project(t, { 'visits.mjs': ESM })
  const { stdout } = await umbel(directory, ['run', 'visits.mjs', '--export', 'named', ...SMALL])
  t.match(stdout, /Countries\n[\s\S]*country[\s\S]*no +1 +out\/visits/)
  t.match(stdout, /one row was turned away: see \.umbel\/visits\/dead-letters\.jsonl/)
})

// script(1) is of util-linux: a system without it fails here rather than pass unseen.
t.test('on a terminal there is a bar', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const command = `'${process.execPath}' '${cli}' run clicks.ts ${SMALL.join(' ')}`
  const run = startProcess('script', ['-qec', command, '/dev/null'], directory, {
    env: { TERM: 'xterm', COLUMNS: '150' },
  })
  const { code, stdout } = await run.ended
  t.equal(code, 0)
  t.match(stdout, /█{20} 100% {2}45,000 rows/)
  t.ok(stdout.lastIndexOf('\x1b[?25h') > stdout.lastIndexOf('\x1b[?25l'), 'the cursor is shown again')
})

t.test('a plan says what is kept and why', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const { code, stdout } = await umbel(directory, ['plan', 'clicks.ts', '--shards', '3'])
  t.equal(code, 0)
  t.match(stdout, /^clicks: \d stages\. B is how much older/)
  t.match(
    stdout,
    /3 shards\n {2}from clicks by \w+, B 0s\n {2}- window .*\n {6}keeps groups of windows, until W has passed/,
  )
  const { stages } = JSON.parse((await umbel(directory, ['plan', 'clicks.ts', '--json'])).stdout)
  t.match(stages[0], { stage: 'clicks', nodes: [{ bound: 0, keeps: /positions and watermarks/ }] })
  t.match(await umbel(directory, ['plan', 'none.ts']), {
    code: 1,
    stderr: /there is no module .*none\.ts: check the path/,
  })
})

t.test('a directory that is none of ours', async (t) => {
  const directory = project(t)
  for (const given of ['.', 'nowhere']) {
    const { code, stderr } = await umbel(directory, ['inspect', given])
    t.equal(code, 1)
    t.match(stderr, `error ${given} is no data directory: name one such as .umbel/<topology>`)
    const json = await umbel(directory, ['inspect', given, '--json'])
    t.match(JSON.parse(json.stdout), { error: { kind: 'user', code: 'directory' } })
  }
})

t.test('dead letters are listed and shown, and what is asked for in vain is said', async (t) => {
  const directory = project(t, {
    'few.ts': `
      import { array, csvFile, eventTime, int, schema, source, topology } from 'umbel'
      const Row = schema({ at: eventTime(), n: int() })
      const rows = source('rows', Row, array([0, 1, 2, 3].map((n) => ({ at: n, n }))))
      const settings = { onError: 'dead-letter' as const }
      export default topology('few', settings, rows.filter(({ n }) => {
        if (n % 2 === 1) throw new Error('odd: ' + n)
        return true
      }).to(csvFile('even.csv')))
    `,
  })
  const letters = (...args: string[]) => umbel(directory, ['dead-letters', ...args])
  t.match((await letters('list', '.umbel/few')).stderr, /\.umbel\/few is no data directory/)
  t.match(JSON.parse((await umbel(directory, ['run', 'few.ts', ...SMALL, '--json'])).stdout), { rejected: 2 })
  const listed = await letters('list', '.umbel/few')
  t.match(
    listed.stdout,
    /1 +open +threw +rows\/0 filter +offset 1 +odd: 1 +\{"at":"1970-01-01T00:00:00.000001Z","n":1\}/,
  )
  t.match((await letters('list', '.umbel/few', '--limit', '1')).stdout, /and 1 more: give --limit/)
  t.match((await letters('list', '.umbel/few', '--kind', 'late')).stdout, 'There are none.')
  const shown = await letters('show', '.umbel/few', '2')
  t.match(
    shown.stdout,
    /^number {3}2\n[\s\S]*from {5}rows\/0, offset 3, filter\n[\s\S]*reason {3}odd: 3\n\nError: odd: 3\n/,
  )
  t.match(JSON.parse((await letters('show', '.umbel/few', '2', '--json')).stdout), { kind: 'threw', number: 2 })
  const none = await letters('show', '.umbel/few', '3')
  t.equal(none.code, 1)
  t.match(none.stderr, /there is no dead letter 3 in \.umbel\/few: there are 2/)
})
