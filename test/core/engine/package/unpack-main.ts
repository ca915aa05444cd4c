/** Unpacks a zip into a state folder, says where, and stays until it is ended. */
import { systemClock } from '../../../../core/clock.ts'
import { createPackageCache } from '../../../../core/engine/package/cache.ts'
import { silentLog } from '../../../../core/log.ts'

const [state = '', zip = ''] = process.argv.slice(2)
const cache = createPackageCache({ folder: state, clock: systemClock, log: silentLog })
const { folder } = await cache.unpack(zip, { maxBytes: 100_000_000, taken: 0 })
process.stdout.write(`unpacked ${folder}\n`)
setInterval(() => {}, 1_000)
