// A step of a deployment that does nothing, with success.
console.log(JSON.stringify({ summary: 'Nothing was to be done.' }));
