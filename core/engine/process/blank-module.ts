/** What a blank process imports beforehand (preload.ts): nothing, by the way that a function's own module is imported. */
export {}
