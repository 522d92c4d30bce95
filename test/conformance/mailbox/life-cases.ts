/** Several lives: what a death leaves behind, and how the next one goes on. */
import { fenced, type PutCase, readAll, records, SENDER, texts, written } from './case.ts'
import { begin, settle, write } from './driver.ts'
import { EDGES, markersOf, markerText, PARTITIONS, recordOf, textOf, textOfRead } from './records.ts'

export function putLifeCases(test: PutCase): void {
  test('a later life begins at the end, with a higher incarnation, and is read on without a seam', async (t, driver) => {
    let incarnation = 0
    const reader = driver.log.reader(SENDER, EDGES, 0, 0)
    for (let life = 0; life < 4; life++) {
      const writer = await begin(driver, SENDER)
      t.equal(writer.end, life * 3)
      t.ok(writer.incarnation > incarnation)
      incarnation = writer.incarnation
      const tag = `life${life}`
      await write(driver, writer, records(life * 3 + 1, life * 3 + 3, tag))
      for (const text of texts(life * 3 + 1, life * 3 + 3, tag)) t.equal(textOfRead(await reader.next()), text)
      await driver.crash()
    }
    await begin(driver, SENDER)
    t.same(
      await readAll(driver, 2),
      [0, 1, 2, 3].flatMap((life) => texts(life * 3 + 1, life * 3 + 3, `life${life}`)).slice(2),
    )
    t.same(await markersOf(driver.log, SENDER, 3, 4), [markerText(3, 'life0'), markerText(4, 'life1')])
  })

  test('lives that write nothing count, and change nothing', async (t, driver) => {
    await written(driver, 3)
    let incarnation = 0
    for (let life = 0; life < 5; life++) {
      const writer = await begin(driver, SENDER)
      t.equal(writer.end, 3)
      t.ok(writer.incarnation > incarnation, `${writer.incarnation} follows ${incarnation}`)
      incarnation = writer.incarnation
      await driver.crash()
    }
    await begin(driver, SENDER)
    t.same(await readAll(driver), texts(1, 3))
  })

  test('an incarnation lies beyond what is known from elsewhere', async (t, driver) => {
    t.equal((await begin(driver, SENDER, { epoch: 0, incarnation: 41 })).incarnation, 42)
    await driver.crash()
    t.equal((await begin(driver, SENDER, { epoch: 0, incarnation: 7 })).incarnation, 43)
  })

  test('a writer that was closed, or whose life has ended, appends nothing', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    const append = writer.append(recordOf(1, 'a'))
    const close = writer.close()
    await settle<unknown>(driver, [append, close])
    t.equal(driver.announced(SENDER), 1, 'closing waits for what is in flight')
    await t.rejects(writer.append(recordOf(2, 'a')), fenced)
    await begin(driver, SENDER)
    t.same(await readAll(driver), texts(1, 1))
  })

  test('of appends in flight at a crash each is wholly there or not, and what was announced stays', async (t, driver) => {
    const ends = new Set<number>()
    let end = 0
    for (let life = 0; life < 25; life++) {
      const writer = await begin(driver, SENDER)
      t.equal(writer.end, end)
      const appends = records(end + 1, end + 4, `life${life}`).map((record) => writer.append(record))
      appends.forEach((append) => append.catch(() => {}))
      for (let step = life % 3; step >= 0; step--) await driver.step()
      const announced = driver.announced(SENDER)
      await driver.crash()
      const next = await begin(driver, SENDER, { epoch: announced, incarnation: 0 })
      t.ok(next.end >= announced && next.end <= end + 4, `${next.end} is within ${announced} and ${end + 4}`)
      for (let partition = 0; partition < PARTITIONS; partition++) {
        t.same(await readAll(driver, end, partition), texts(end + 1, next.end, `life${life}`, partition))
      }
      ends.add(next.end - end)
      end = next.end
      await driver.crash()
    }
    t.ok(ends.size > 2, `crashes fall differently: ${[...ends]}`)
  })

  test('what a newer life writes takes the place of what an older one had in flight', async (t, driver) => {
    const reader = driver.log.reader(SENDER, EDGES, 0, 0)
    const known: string[] = []
    for (let life = 0; life < 25; life++) {
      const writer = await begin(driver, SENDER)
      known.push(...texts(known.length + 1, writer.end, `life${life - 1}`))
      // A reader that stays up has the older life's files still open.
      for (let epoch = reader.position + 1; epoch <= writer.end; epoch++)
        t.equal(textOfRead(await reader.next()), known[epoch - 1])
      await write(driver, writer, records(writer.end + 1, writer.end + 1, `life${life}`))
      known.push(textOf(writer.end + 1, `life${life}`, 0))
      t.equal(textOfRead(await reader.next()), known.at(-1))
      for (const record of records(writer.end + 2, writer.end + 4, `life${life}`)) writer.append(record).catch(() => {})
      await driver.step()
      known.push(...texts(writer.end + 2, driver.announced(SENDER), `life${life}`))
      await driver.crash()
    }
    const { end } = await begin(driver, SENDER)
    known.push(...texts(known.length + 1, end, 'life24'))
    t.same(await readAll(driver), known)
  })

  test('a zombie is fenced, and its fate is settled when the newer life begins', async (t, driver) => {
    if (!driver.hasZombies) return t.pass('an older life is dead before a newer one claims')
    const fates = new Set<string>()
    let end = 0
    for (let life = 0; life < 40; life++) {
      const zombie = await begin(driver, SENDER)
      const fate = Promise.allSettled(records(end + 1, end + 3, `life${life}`).map((record) => zombie.append(record)))
      if (life % 2) await driver.step()
      const announced = driver.announced(SENDER)
      const writer = await begin(driver, SENDER)
      t.ok(writer.end >= announced && writer.end <= end + 3)
      await t.rejects(zombie.append(recordOf(end + 4, 'zombie')), fenced)
      await t.rejects(zombie.append(recordOf(writer.end + 1, 'zombie')), fenced)
      for (let step = 0; step < 10; step++) await driver.step()
      t.equal(driver.announced(SENDER), writer.end, 'nothing comes later')
      t.same(await readAll(driver, end), texts(end + 1, writer.end, `life${life}`))
      ;(await fate).forEach((one, i) => {
        const isThere = end + 1 + i <= writer.end
        if (one.status === 'fulfilled') t.ok(isThere, 'what it heard of is there')
        else t.match(one.reason, fenced)
        fates.add(`${one.status} ${isThere}`)
      })
      await write(driver, writer, records(writer.end + 1, writer.end + 1, 'next'))
      end = writer.end + 1
      await driver.crash()
    }
    t.same([...fates].sort(), ['fulfilled true', 'rejected false', 'rejected true'])
  })
}
