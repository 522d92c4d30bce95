/**
 * What is published, installed into an empty TypeScript project: it holds what it needs and no more, its types stand on
 * their own, and a program runs with it in workers and inline.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { type Ended, root, startProcess } from './support.ts'

// Outside the repository, whose node_modules would lend what the package lacks.
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'umbel-package-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))

const here = (command: string, ...args: string[]): Promise<Ended> => startProcess(command, args, directory).ended
const tsc = path.join(root, 'node_modules/typescript/bin/tsc')

const VISITS = `
import { array, count, eventTime, schema, source, string, topology, tumbling } from 'umbel'

const Visit = schema({ at: eventTime(), country: string() })
const rows = Array.from({ length: 1000 }, (_, i) => ({ at: i * 1_000_000, country: ['no', 'pt', 'uy'][i % 3]! }))
export const visits = source('visits', Visit, array(rows))

export default topology(
  'visits',
  visits
    .filter((visit) => visit.country !== 'uy')
    .keyBy('country')
    .window(tumbling('1m'))
    .aggregate({ visits: count() })
    .output('by-minute'),
)
`

const MAIN = `
import { isoTime, type Running, start } from 'umbel'
import visits from './visits.js'

async function read(running: Running): Promise<string[]> {
  const rows: string[] = []
  for await (const { row, diff } of running.output('by-minute')) {
    rows.push([diff, row.country, isoTime(Number(row.window_start)), row.visits].join(' '))
  }
  return [...rows.sort(), await running.ended]
}

const workers = await read(await start(new URL('./visits.js', import.meta.url), { dir: 'a', shards: 2, workers: 1 }))
const inline = await read(await start(visits, { dir: 'b', shards: 1, host: 'inline' }))
console.log(JSON.stringify({ workers, inline }))
`

const WRONG = `
import { visits } from './visits.js'
// @ts-expect-error: there is no such field
visits.keyBy('city')
// @ts-expect-error: rows have no such field
visits.filter((visit) => visit.city === 'Oslo')
`

/** Without the types of Node: an empty project has none. Its console and URL are those of browsers. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: [],
  },
}

t.before(async () => {
  const files = {
    'package.json': '{ "type": "module", "private": true }',
    'tsconfig.json': JSON.stringify(TSCONFIG),
    'visits.ts': VISITS,
    'main.ts': MAIN,
    'wrong.ts': WRONG,
  }
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), text)
  // Without scripts: a build under the feet of the tests that run what is built would fail them.
  const packed = await here('npm', 'pack', root, '--ignore-scripts', '--silent')
  t.equal(packed.code, 0, packed.stderr)
  const tarball = `./${packed.stdout.trim()}`
  const installed = await here('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball)
  t.equal(installed.code, 0, installed.stderr)
})

t.test('it holds what is built from the sources, and nothing that they no longer have', async (t) => {
  const installed = path.join(directory, 'node_modules/umbel')
  t.notOk(fs.lstatSync(installed).isSymbolicLink(), 'a copy, no link to the sources')
  t.same(fs.readdirSync(installed).sort(), ['LICENSE', 'README.md', 'dist', 'package.json'])
  const names = (folder: string, ending: string) =>
    fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length))
      .sort()
  const built = names(path.join(installed, 'dist'), '.js')
  t.same(built, names(path.join(root, 'src'), '.ts'), "remove dist and run 'npm run build'")
})

t.test('its types stand on their own, declarations checked; wrong field names do not compile', async (t) => {
  const { code, stdout } = await here(process.execPath, tsc)
  t.equal(stdout, '')
  t.equal(code, 0)
})

t.test('a compiled program reads the same committed rows from workers and inline', async (t) => {
  const { code, stdout, stderr } = await here(process.execPath, 'main.js')
  t.equal(code, 0, stderr)
  const { workers, inline } = JSON.parse(stdout) as { workers: string[]; inline: string[] }
  t.equal(workers.length, 2 * 17 + 1, 'two countries, 17 minutes, and the outcome')
  t.equal(workers[0], '1 no 1970-01-01T00:00:00.000Z 20')
  t.equal(workers.at(-1), 'finished')
  t.same(inline, workers)
})

t.test('the command is there, and runs TypeScript as it is', async (t) => {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  t.equal((await here('npx', '--offline', 'umbel', '--version')).stdout, `${version}\n`)
  const { code, stdout, stderr } = await here('npx', '--offline', 'umbel', 'run', 'visits.ts', '--json')
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), { topology: 'visits', outcome: 'finished', rows: 1000 })
})
