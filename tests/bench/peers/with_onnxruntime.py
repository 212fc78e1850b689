"""ONNX Runtime: its LSTM, GRU and RNN, forward."""

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import peer

ORDERS = {"lstm": "iofg", "gru": "zrn", "rnn": [""]}


class Graph:
    """An ONNX graph under construction. A stream's states are its inputs and outputs."""

    def __init__(self, row, given):
        self.row, self.given = row, given
        self.nodes, self.constants = [], []
        self.states = {}  # input's name: (output's name, array)

    def constant(self, name, array):
        array = numpy.ascontiguousarray(array)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, output, **attributes):
        outputs = output if isinstance(output, list) else [output]
        self.nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs[0]

    def weights(self, cell, names):
        """W, R and B, with a dimension for the directions before all others."""
        W, R, B = [], [], []
        for name in names:
            packed = [f"{name}.{{}}{letter}" for letter in ORDERS[cell]]
            W.append(numpy.concatenate([self.given[p.format("W")] for p in packed]))
            R.append(numpy.concatenate([self.given[p.format("U")] for p in packed]))
            b = numpy.concatenate([self.given[p.format("b")] for p in packed])
            second = numpy.zeros_like(b)
            if cell == "gru":
                second[2 * (len(b) // 3) :] = self.given[f"{name}.vn"]
            B.append(numpy.concatenate([b, second]))
        return [numpy.stack(arrays) for arrays in (W, R, B)]

    def layer(self, cell, x, name, units, directions=1):
        names = [name] if directions == 1 else [f"{name}.forward", f"{name}.backward"]
        arrays = self.weights(cell, names)
        inputs = [x] + [self.constant(f"{name}.{k}", a) for k, a in zip("WRB", arrays)] + [""]
        outputs = [f"{name}.Y"]
        if self.row["mode"] == "stream":
            for state in ("h", "c") if cell == "lstm" else ("h",):
                shape = (directions, self.row["B"], units)
                self.states[f"{name}.{state}"] = (
                    f"{name}.{state}'",
                    numpy.zeros(shape, numpy.float32),
                )
                inputs.append(f"{name}.{state}")
                outputs.append(f"{name}.{state}'")
        attributes = {"hidden_size": units}
        if directions == 2:
            attributes["direction"] = "bidirectional"
        if cell == "gru":
            attributes["linear_before_reset"] = 1
        self.node(cell.upper(), inputs, outputs, **attributes)
        # [T, directions, B, H] to [T, B, directions * H]
        turned = self.node("Transpose", [f"{name}.Y"], f"{name}.turned", perm=[0, 2, 1, 3])
        shape = numpy.array([0, 0, directions * units], numpy.int64)
        return self.node("Reshape", [turned, self.constant(f"{name}.shape", shape)], f"{name}.y")

    def dense(self, x, name):
        W = self.constant(f"{name}.WT", self.given[f"{name}.W"].T)
        product = self.node("MatMul", [x, W], f"{name}.product")
        b = self.constant(f"{name}.b", self.given[f"{name}.b"])
        return self.node("Add", [product, b], f"{name}.y")

    def net(self):
        row, cell, x = self.row, self.row["cell"], "x"
        if cell in ORDERS or cell == "amplifier":
            for i in range(row["L"]):
                kind = "lstm" if cell == "amplifier" else cell
                x = self.layer(kind, x, f"l{i}", row["H"], row["D"])
            return self.dense(x, "out") if cell == "amplifier" else x
        if cell == "voice":
            return self.layer("gru", self.layer("gru", x, "l0", row["H"]), "l1", 16)
        if cell == "noise":
            first = self.node("Tanh", [self.dense(x, "dense")], "first")
            v = self.layer("gru", first, "speech", 24)
            inside = self.node("Concat", [first, v, x], "inside", axis=-1)
            n = self.layer("gru", inside, "noise", 48)
            inside = self.node("Concat", [v, n, x], "cleaned", axis=-1)
            gains = self.dense(self.layer("gru", inside, "clean", row["H"]), "gains")
            both = self.node("Concat", [gains, self.dense(v, "heard")], "both", axis=-1)
            return self.node("Sigmoid", [both], "probability")
        raise ValueError(f"{cell} is none of ONNX's cells")

    def model(self):
        y = self.net()
        float32 = TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info("x", float32, self.given["x"].shape)]
        outputs = [helper.make_tensor_value_info(y, float32, None)]
        for before, (after, array) in self.states.items():
            inputs.append(helper.make_tensor_value_info(before, float32, array.shape))
            outputs.append(helper.make_tensor_value_info(after, float32, array.shape))
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.constants)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)


class OnnxRuntime:
    @staticmethod
    def versions():
        return f"ONNX Runtime {onnxruntime.__version__} (ONNX {onnx.__version__})"

    def begin(self, row, given):
        if row["mode"] == "training":
            raise ValueError("ONNX Runtime has no gradients")
        graph = Graph(row, given)
        self.bytes = graph.model().SerializeToString()
        self.states, self.sessions = graph.states, {}
        self.x = given["x"]
        self.threads(1)
        self.start()

    def threads(self, count):
        if count not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = count
            options.inter_op_num_threads = 1
            # Threads that spin on after a call would take the core of whoever is timed next.
            options.add_session_config_entry("session.force_spinning_stop", "1")
            self.sessions[count] = onnxruntime.InferenceSession(
                self.bytes, options, providers=["CPUExecutionProvider"]
            )
        self.session = self.sessions[count]

    def start(self):
        self.feed = {"x": self.x}
        for before, (_, array) in self.states.items():
            self.feed[before] = array

    def call(self):
        self.y, *after = self.session.run(None, self.feed)
        self.feed.update(zip(self.states, after))

    def found(self):
        return {"y": self.y}


if __name__ == "__main__":
    peer.serve(OnnxRuntime)
