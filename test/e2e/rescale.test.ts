/** `umbel rescale` as a user meets it. */
import path from 'node:path'
import t from 'tap'
import { appears, CLICKS, project, sortedLines, startUmbel, umbel } from './support.ts'

const DATA = '.umbel/clicks'

t.test('umbel rescale, beside a run and while it is down', async (t) => {
  const directory = project(t, { 'clicks.ts': CLICKS })
  const at = (name: string) => path.join(directory, name)
  const small = ['run', 'clicks.ts', '--shards', '2', '--workers', '1']
  t.equal((await umbel(directory, [...small, '--dir', 'other', '--out', at('expected')])).code, 0)
  const none = await umbel(directory, ['rescale', DATA, 'by-user', '--shards', '3'])
  t.match([none.code, none.stderr], [1, /is no data directory/])
  const held = startUmbel(directory, small, { env: { HOLD: at('hold') } })
  await appears(at('hold'))
  const done = await umbel(directory, ['rescale', DATA, 'by-user', '--shards', '3'])
  t.match([done.code, done.stdout, done.stderr], [0, 'by-user has 3 shards now.\n', ''])
  const refused = await umbel(directory, ['rescale', DATA, 'users', '--shards', '3'])
  t.match(
    [refused.code, refused.stderr],
    [1, /no stage 'users'; the stages that can be rescaled are 'clicks', 'by-user'/],
  )
  held.child.kill('SIGINT')
  t.equal((await held.ended).code, 130)
  const later = await umbel(directory, ['rescale', DATA, 'by-user', '--shards', '1'])
  t.match([later.code, later.stdout], [0, 'by-user will have one shard from the next start on.\n'])
  const ran = await umbel(directory, small)
  t.equal(ran.code, 0, ran.stderr)
  t.strictSame(sortedLines(at('out/clicks/clicks.csv')), sortedLines(at('expected/clicks.csv')))
  const { stdout } = await umbel(directory, ['inspect', DATA])
  t.match(stdout, /^clicks: finished, 2 shards a stage, 1 of by-user, definition/)
  t.match(stdout, /by-user\/0 \(retired\)[\s\S]*by-user@1\/2 \(retired\)[\s\S]*by-user@2\/0 /)
  t.match(stdout, /clicks\.csv\/0 .* end .* -/, 'whose time does not stand where its first senders have left')
  const over = await umbel(directory, ['rescale', DATA, 'by-user', '--shards', '2'])
  t.match([over.code, over.stderr], [1, /there is no unfinished run/])
})
