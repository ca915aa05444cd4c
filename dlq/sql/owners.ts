import { isAlive, ownerFromText } from '../../core/owner.ts'

/** True only of an owner that is certainly gone. */
export const isDead = (text: string): boolean => {
  const owner = ownerFromText(text)
  return owner !== undefined && !isAlive(owner)
}
