/** The ten airports whose departures were latest on average, from the hourly results. */
import { readFileSync } from 'node:fs'

/** With fewer departures an average says little. */
const DEPARTURES_MIN = 100

export function summary(out: string) {
  const airports = new Map<string, { departures: number; delay: number }>()
  for (const line of readFileSync(`${out}/hourly.csv`, 'utf8').trim().split('\n').slice(1)) {
    const [origin, , departures, mean] = line.split(',')
    const airport = airports.get(origin!) ?? { departures: 0, delay: 0 }
    airport.departures += Number(departures)
    airport.delay += Number(mean) * Number(departures)
    airports.set(origin!, airport)
  }
  const rows = [...airports]
    .filter(([, { departures }]) => departures >= DEPARTURES_MIN)
    .map(([airport, { departures, delay }]) => ({ airport, departures, 'mean delay (min)': round(delay / departures) }))
    .sort((a, b) => b['mean delay (min)'] - a['mean delay (min)'])
  return { title: `Most delayed airports, of those with ${DEPARTURES_MIN} departures or more`, rows: rows.slice(0, 10) }
}

const round = (value: number): number => Math.round(value * 10) / 10
