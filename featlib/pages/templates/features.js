// The frozen network in the browser, and a linear head on the features that it makes.

const FEATURES = 512; // of a picture

// Load a network into ONNX Runtime Web. Return a function that takes a picture as planes 3×S×S, and
// promises its features. However many are given at once, it computes one after the other.
async function openNetwork(ort, program, network) {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = program;
  const session = await ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
  ort.env.wasm.wasmBinary = undefined; // it is large, and needed once
  let turn = Promise.resolve();
  const compute = async (planes) => {
    const size = Math.round(Math.sqrt(planes.length / 3));
    const images = new ort.Tensor("float32", planes, [1, 3, size, size]);
    return (await session.run({ images })).features.data;
  };
  return (planes) => {
    const answer = turn.then(() => compute(planes));
    turn = answer.catch(() => {});
    return answer;
  };
}

// A head of 512 features a class: float32 weights, class after class, and then the biases.
const headOf = (numbers) => {
  const biases = numbers.length / (FEATURES + 1);
  return { weight: numbers.subarray(0, -biases), bias: numbers.subarray(-biases) };
};

// The logits of one picture.
const linear = (features, { weight, bias }) => Array.from(bias, (sum, k) => {
  for (let i = 0; i < FEATURES; i += 1) sum += features[i] * weight[k * FEATURES + i];
  return sum;
});

function softmax(logits) {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
