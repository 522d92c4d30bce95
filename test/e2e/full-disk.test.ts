/**
 * A disk that is full in the middle of a run: an error that says so, and when there is room again the same command goes
 * on to the same lines. Once with files that may not grow (works for everybody), once with a small disk of its own (where
 * the system lets a process mount one that only it sees).
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { CLICKS, cli, project, sortedLines, startProcess, umbel } from './support.ts'

const RUN = ['run', 'clicks.ts', '--shards', '2', '--workers', '1', '--json']
const node = [process.execPath, cli, ...RUN].map((word) => `'${word}'`).join(' ')

const unharmed = (async () => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  await umbel(directory, RUN)
  return sortedLines(path.join(directory, 'out/clicks/clicks.csv'))
})()

t.test('files that may not grow as large as a log', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  // 64 blocks of 1024 bytes: room for the lock and a small store, none for a segment of a log.
  const { code, stdout } = await startProcess('bash', ['-c', `ulimit -f 64; exec ${node}`], directory).ended
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { error: { kind: 'user', code: /^(EFBIG|EIO)$/, message: /run again, it goes on/ } })
  const again = JSON.parse((await umbel(directory, RUN)).stdout)
  t.match(again, { outcome: 'finished', continued: true, rows: 45_000 })
  t.same(sortedLines(path.join(directory, 'out/clicks/clicks.csv')), await unharmed)
})

const mayMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

// The whole run takes some 1,300 KB: full early, in the middle, and near the end.
for (const kilobytes of mayMount ? [500, 800, 1100] : []) {
  t.test(`a disk of ${kilobytes} KB`, async (t) => {
    const directory = project(t, { 'clicks.ts': CLICKS })
    fs.mkdirSync(path.join(directory, 'disk'))
    const script = [
      `mount -t tmpfs -o size=${kilobytes}k tmpfs disk`,
      `${node} --dir disk/state --out disk/out > full.json || echo $? > full.code`,
      'mount -o remount,size=200m disk',
      `${node} --dir disk/state --out disk/out > again.json`,
      'cp disk/out/clicks.csv result.csv',
    ].join('\n')
    const { code, stderr } = await startProcess('unshare', ['-rm', 'bash', '-ec', script], directory).ended
    t.equal(code, 0, stderr)
    const read = (file: string): string => fs.readFileSync(path.join(directory, file), 'utf8')
    t.equal(read('full.code'), '1\n')
    t.match(JSON.parse(read('full.json')), {
      error: { kind: 'user', code: /^(ENOSPC|EIO)$/, message: /the disk is full.* run again, it goes on/ },
    })
    t.match(JSON.parse(read('again.json')), { outcome: 'finished', continued: true, rows: 45_000 })
    t.same(sortedLines(path.join(directory, 'result.csv')), await unharmed, 'nothing is lost')
  })
}
