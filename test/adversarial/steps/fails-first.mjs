// A step of a deployment that fails the first time it is tried.
if (process.env.PLIMSOLL_ATTEMPT === '1') process.exit(1);
console.log(JSON.stringify({ summary: 'It worked this time.' }));
