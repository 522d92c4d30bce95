/** CPU time and private memory of a process and its descendants, from /proc. */
import fs from 'node:fs'

const TICKS = 100

function statOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      parent: Number(fields[1]),
      own: Number(fields[11]) + Number(fields[12]),
      reaped: Number(fields[13]) + Number(fields[14]),
    }
  } catch {
    return null
  }
}

function descendants(root) {
  const stats = new Map()
  for (const name of fs.readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(pid) : null
    if (stat) stats.set(pid, stat)
  }
  const found = [root]
  for (const pid of found) for (const [child, { parent }] of stats) if (parent === pid) found.push(child)
  return found
}

/** CPU seconds of all children that this process has waited for, and of theirs. */
export const reapedCpu = () => statOf(process.pid).reaped / TICKS

/** CPU seconds of a living process. */
export const cpuOf = (pid) => (statOf(pid)?.own ?? 0) / TICKS

/** Private memory (RssAnon) of a process and its descendants, in MB. */
export function privateMb(root) {
  let kb = 0
  for (const pid of descendants(root)) {
    try {
      kb += Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    } catch {
      // It has ended meanwhile.
    }
  }
  return kb / 1024
}

/** Bytes written to the block devices so far. */
export function diskBytes() {
  let sectors = 0
  for (const line of fs.readFileSync('/proc/diskstats', 'utf8').trim().split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (/^(vd[a-z]|sd[a-z]|nvme\d+n\d+)$/.test(fields[2])) sectors += Number(fields[9])
  }
  return sectors * 512
}

export const quantile = (values, q) => {
  const sorted = Float64Array.from(values).sort()
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
}
