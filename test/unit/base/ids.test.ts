/** Names of shards as names of folders, and back. */
import t from 'tap'
import { shardFolder, shardId, shardOfFolder } from '../../../src/base/ids.ts'

t.test('a folder is one, whatever the stage is called, and tells its shard', async (t) => {
  for (const stage of ['clicks', 'by-origin@2', 'sub/dir/tot.csv', '../../up.csv', 'a%2Fb.csv', '100%.csv']) {
    const folder = shardFolder(shardId(stage, 3))
    t.notMatch(folder, '/')
    t.equal(shardOfFolder(folder), shardId(stage, 3))
  }
  t.equal(shardFolder('tot.csv/0'), 'tot.csv.0')
  t.equal(shardOfFolder('tot.csv.0.opening'), null)
})
