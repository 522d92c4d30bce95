/** `umbel snapshot` as a user meets it: beside a run, after an interruption, and on what is damaged. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { appears, CLICKS, project, sortedLines, startUmbel, umbel } from './support.ts'

const SMALL = ['--shards', '1', '--workers', '1']
const DATA = '.umbel/clicks'
const RESULT = 'out/clicks/clicks.csv'

t.test('snapshots of a run that is under way, and of one that was interrupted', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const at = (name: string) => path.join(directory, name)
  const expected = at('expected')
  await umbel(directory, ['run', 'clicks.ts', ...SMALL, '--dir', 'other', '--out', expected])

  const held = startUmbel(directory, ['run', 'clicks.ts', ...SMALL, '--snapshot-every', '1h'], {
    env: { HOLD: at('hold') },
  })
  await appears(at('hold'))
  t.equal((await umbel(directory, ['snapshot', 'list', DATA])).stdout, 'There are none yet.\n')
  const created = await umbel(directory, ['snapshot', 'create', DATA])
  t.equal(created.code, 0, created.stderr)
  t.match(
    created.stdout,
    /shard +epoch +taken +MB +chunks +state *\n +by-user\/0 +\d+ +\d{4}-\d\d-\d\dT[\d:.]+Z +\d+\.\d +\d+ +not verified *\n/,
  )
  const refused = await umbel(directory, ['snapshot', 'restore', DATA])
  t.equal(refused.code, 1)
  t.match(refused.stderr, /another supervisor \(process \d+\) runs in/)
  held.child.kill('SIGINT')
  t.equal((await held.ended).code, 130)

  t.equal((await umbel(directory, ['snapshot', 'create', DATA])).code, 0)
  const listed = JSON.parse((await umbel(directory, ['snapshot', 'list', DATA, '--json'])).stdout)
  t.match(listed, { snapshots: [{ shard: 'by-user/0', problem: null }] })
  t.equal(listed.snapshots.length, 1, 'of the same epoch there is one')
  const whole = await umbel(directory, ['snapshot', 'verify', DATA])
  t.equal(whole.code, 0)
  t.match(whole.stdout, /by-user\/0 .* whole *\n$/)

  const [run] = fs.readdirSync(at(`${DATA}/snapshots`))
  const folder = at(`${DATA}/snapshots/${run}/by-user.0/chunks`)
  for (const name of fs.readdirSync(folder)) fs.writeFileSync(path.join(folder, name), 'damaged')
  const damaged = await umbel(directory, ['snapshot', 'verify', DATA])
  t.equal(damaged.code, 1)
  t.match(
    damaged.stdout,
    /by-user\/0 .*chunks\/[0-9a-f]{64} was damaged, and is removed: the next snapshot writes it anew *\n/,
  )
  const nothing = await umbel(directory, ['snapshot', 'restore', DATA])
  t.equal(nothing.code, 1)
  t.match(nothing.stdout, /by-user\/0: snapshot \d+: .* is gone\n[\s\S]*by-user\/0: left as it was\n$/)

  t.equal((await umbel(directory, ['snapshot', 'create', DATA])).code, 0, 'which writes the chunks anew')
  fs.rmSync(at(`${DATA}/state/by-user.0`), { recursive: true })
  t.match((await umbel(directory, ['inspect', DATA])).stdout, /by-user\/0 +\d+ +gone /)
  const restored = await umbel(directory, ['snapshot', 'restore', DATA, '--shard', 'by-user/0'])
  t.equal(restored.code, 0, restored.stdout + restored.stderr)
  t.match(restored.stdout, /^by-user\/0: put back as of epoch \d+\nThe next run replays what came after\.\n$/)
  t.ok(fs.existsSync(at(`${DATA}/state/by-user.0/data.mdb`)))
  t.equal((await umbel(directory, ['run', 'clicks.ts', ...SMALL])).code, 0)
  t.strictSame(sortedLines(at(RESULT)), sortedLines(path.join(expected, 'clicks.csv')))

  const late = await umbel(directory, ['snapshot', 'restore', DATA])
  t.equal(late.code, 1)
  t.match(late.stderr, /the run in \.umbel\/clicks has finished: its stores are later than their snapshots/)
  const unknown = await umbel(directory, ['snapshot', 'restore', DATA, '--shard', 'by-users/0'])
  t.equal(unknown.code, 1)
  t.match(unknown.stderr, "there is no snapshot of 'by-users/0'; there are some of by-user/0")
})

t.test('a data directory goes elsewhere with its snapshots, as do those that have a place of their own', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const at = (name: string) => path.join(directory, name)
  const run = ['run', 'clicks.ts', ...SMALL]
  await umbel(directory, [...run, '--dir', 'other', '--out', at('expected')])
  const stop = async (data: string, ...more: string[]) => {
    const held = startUmbel(directory, [...run, '--dir', data, '--out', at(`out/${data}`), ...more], {
      env: { HOLD: at('hold') },
    })
    await appears(at('hold'))
    t.equal((await umbel(directory, ['snapshot', 'create', `${data}/clicks`])).code, 0)
    held.child.kill('SIGINT')
    t.equal((await held.ended).code, 130)
    fs.rmSync(at('hold'))
  }
  const goOn = async (data: string, ...more: string[]) => {
    const { code, stderr } = await umbel(directory, [...run, ...more, '--out', at(`out/${data}`)])
    t.equal(code, 0, stderr)
    t.match(stderr, /going on with an interrupted run/)
    t.strictSame(sortedLines(at(`out/${data}/clicks.csv`)), sortedLines(at('expected/clicks.csv')))
  }
  await stop('first')
  t.match((await umbel('/', ['snapshot', 'verify', at('first/clicks')])).stdout, / whole *\n$/)
  fs.renameSync(at('first'), at('moved'))
  fs.rmSync(at('moved/clicks/state'), { recursive: true })
  t.match((await umbel(directory, ['snapshot', 'list', 'moved/clicks'])).stdout, 'by-user/0')
  await goOn('first', '--dir', at('moved'))

  await stop('second', '--snapshots', 'copies')
  for (const more of [[], ['--snapshots', 'elsewhere']]) {
    const { code, stderr } = await umbel(directory, [...run, '--dir', 'second', ...more])
    t.equal(code, 1)
    t.ok(stderr.includes(`run with --snapshots ${at('copies')}, move them (mkdir -p `), stderr)
  }
  fs.renameSync(at('copies'), at('elsewhere'))
  fs.rmSync(at('second/clicks/state'), { recursive: true })
  await goOn('second', '--dir', 'second', '--snapshots', 'elsewhere')
})

t.test('help, a directory that is none, and a run without snapshots', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const help = await umbel(directory, ['snapshot', '--help'])
  for (const name of ['list', 'create', 'verify', 'restore'])
    t.match(help.stdout, `umbel snapshot ${name} .umbel/flights`)
  for (const name of ['list', 'create', 'verify', 'restore']) {
    const { code, stderr } = await umbel(directory, ['snapshot', name, 'nowhere'])
    t.equal(code, 1)
    t.match(stderr, 'error nowhere is no data directory: name one such as .umbel/<topology>')
  }
  const often = await umbel(directory, ['run', 'clicks.ts', '--snapshot-every', 'often'])
  t.equal(often.code, 1)
  t.match(often.stderr, "'often' is not a duration")
  const empty = await umbel(directory, ['run', 'clicks.ts', '--snapshots', ''])
  t.equal(empty.code, 1)
  t.match(empty.stderr, 'snapshots.directory is empty')
  t.equal((await umbel(directory, ['run', 'clicks.ts', ...SMALL, '--snapshots', 'copies'])).code, 0)
  const { snapshots } = JSON.parse(fs.readFileSync(path.join(directory, DATA, 'job.json'), 'utf8')) as {
    snapshots: string
  }
  t.equal(path.dirname(snapshots), path.join(fs.realpathSync(directory), 'copies'), 'also from another directory')
  t.equal((await umbel(directory, ['run', 'clicks.ts', ...SMALL, '--no-snapshots'])).code, 0)
  const vain = await umbel(directory, ['run', 'clicks.ts', '--no-snapshots', '--snapshot-every', '5s'])
  t.match([vain.code, vain.stderr], [1, /--no-snapshots takes none, so that --snapshot-every says nothing/])
  t.equal((await umbel(directory, ['snapshot', 'restore', DATA])).stdout, `There are no snapshots of ${DATA}.\n`)
})
