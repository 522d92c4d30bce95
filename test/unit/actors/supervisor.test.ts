import t from 'tap'
import type { FromHost, HostConfig } from '../../../src/actors/protocol.ts'
import type { HostEvents } from '../../../src/actors/real/host-process.ts'
import { Supervisor } from '../../../src/actors/supervisor.ts'
import { WorkerDied } from '../../../src/actors/workers.ts'
import { toWireError, userError } from '../../../src/base/errors.ts'
import type { Seam } from '../../../src/base/seam.ts'
import { StillClock } from '../connectors/support.ts'

/** A host that does what the test says. */
class HandHost {
  readonly trialOf: string | null
  readonly #events: HostEvents

  constructor(events: HostEvents, trialOf: string | null) {
    this.#events = events
    this.trialOf = trialOf
  }

  say(message: FromHost): void {
    this.#events.onMessage(message)
  }

  fail(): void {
    this.say({ type: 'failed', error: toWireError(userError('ENOSPC', 'the disk is full')) })
  }

  loseWorkerIn(shard: string): void {
    const suspects = [{ shard, operator: 'filter', call: 1 }]
    const where = `in filter of ${shard}`
    const error = toWireError(new WorkerDied('worker exited with code: 3'))
    this.say({ type: 'worker-died', worker: 0, shards: [shard], suspects, where, error, board: [] })
  }

  exit(): void {
    this.#events.onExit(null, 'SIGKILL')
  }
}

/** A supervisor of two hosts, and those that it has forked; its waits are over when the test says so. */
function supervise() {
  const hosts: HandHost[] = []
  const waits: (() => void)[] = []
  const scheduler = {
    after: () => new Promise<void>((resolve) => waits.push(resolve)),
    hold: () => () => {},
    every: () => () => {},
  }
  const supervisor = new Supervisor({ hosts: 2, boardShards: 2 } as Omit<HostConfig, 'host'>, {
    seam: { clock: new StillClock(), random: () => 0.5, scheduler } as unknown as Seam,
    fork: (events) => ({
      pid: 1,
      send: (message) => {
        if (message.type === 'start') hosts.push(new HandHost(events, message.config.trialOf ?? null))
      },
      kill: () => {},
    }),
    heartbeatMs: 1_000,
  })
  const elapse = async () => {
    for (const end of waits.splice(0)) end()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { supervisor, hosts, elapse }
}

t.test('a host that died starts again once its wait is over', async (t) => {
  const { hosts, elapse } = supervise()
  hosts[0]!.exit()
  t.equal(hosts.length, 2)
  await elapse()
  t.equal(hosts.length, 3)
})

t.test('a host whose wait is over when the run has failed does not start again: the run ends', async (t) => {
  const { supervisor, hosts, elapse } = supervise()
  hosts[0]!.exit()
  hosts[1]!.fail()
  await elapse()
  t.equal(hosts.length, 2)
  hosts[1]!.exit()
  await t.rejects(supervisor.ended, { code: 'ENOSPC' })
})

t.test('nor does it when the run is over already', async (t) => {
  const { supervisor, hosts, elapse } = supervise()
  hosts[0]!.exit()
  hosts[1]!.fail()
  hosts[1]!.exit()
  await t.rejects(supervisor.ended, { code: 'ENOSPC' })
  await elapse()
  t.equal(hosts.length, 2)
})

t.test('nor does one that had ended when stages get other numbers of shards', async (t) => {
  const { supervisor, hosts } = supervise()
  hosts[0]!.say({ type: 'ended', outcome: 'finished' })
  hosts[0]!.exit()
  hosts[1]!.fail()
  supervisor.rescale([])
  t.equal(hosts.length, 2)
  hosts[1]!.exit()
  await t.rejects(supervisor.ended, { code: 'ENOSPC' })
})

t.test('a shard that keeps dying is looked into, unless the run has failed meanwhile', async (t) => {
  for (const fails of [false, true]) {
    const { supervisor, hosts } = supervise()
    supervisor.ended.catch(() => {})
    hosts[0]!.loseWorkerIn('a/0')
    if (fails) hosts[1]!.fail()
    hosts[0]!.loseWorkerIn('a/0')
    t.same(
      hosts.slice(2).map(({ trialOf }) => trialOf),
      fails ? [] : ['a/0'],
    )
    if (!fails) continue
    for (const host of hosts) host.exit()
    await t.rejects(supervisor.ended, { code: 'ENOSPC' })
  }
})
