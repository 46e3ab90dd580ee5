"""Calls a running Millrace with the clients that teams already have, and prints pass or fail lines.

Usage: cases.py mlflow|sagemaker|kserve|kserve-v2 URL GRPC

The server serves the demo models; GRPC is host:port. Expected answers come from its simple dialect, asked over urllib,
so a client passes only when it reads the same predictions.
"""

import asyncio
import json
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = [[45, 12, 79.5, 954], [67, 60, 34.25, 2055], [23, 1, 101.0, 101.0]]
COLUMNS = ["age", "tenure", "monthly_charges", "total_charges"]
TEXTS = ["what a wonderful film", "dull, and far too long"]

failures = 0


def check(name, run):
    """Runs one case; whatever it throws is its failure."""
    global failures
    try:
        run()
        print(f"pass {name}", flush=True)
    except Exception as error:  # each client has exceptions of its own
        failures += 1
        print(f"fail {name}: {type(error).__name__}: {str(error)[:300]}", flush=True)


def same(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r}, expected {expected!r}")


def post(url, body, headers=None):
    request = urllib.request.Request(
        url,
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"content-type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.status, reply.headers, reply.read()


def expected(url, model, rows):
    _, _, body = post(f"{url}/predict?model={model}", {"instances": rows})
    return json.loads(body)


def through_proxy(rewrite):
    """Starts a proxy on a free port that sends each request to rewrite(path, headers)."""

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            target = rewrite(self.path, self.headers)
            names = ("content-type", "accept")
            kept = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in names or name.lower().startswith("x-amzn-sagemaker")
            }
            request = urllib.request.Request(target, data=body, headers=kept)
            try:
                reply = urllib.request.urlopen(request, timeout=30)
            except urllib.error.HTTPError as error:
                reply = error
            with reply:
                answer = reply.read()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    if name.lower() not in ("connection", "transfer-encoding", "keep-alive"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def run_mlflow(url, _):
    import numpy
    import pandas
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    # The client has no room for a model's name, so a proxy adds it; /ping and /version go straight.
    direct = ScoringServerClient(*url.removeprefix("http://").split(":"))
    labels = expected(url, "churn", ROWS)["predictions"]

    def client_of(model):
        proxy = through_proxy(lambda path, headers: f"{url}{path}?model={model}")
        return ScoringServerClient(*proxy.removeprefix("http://").split(":"))

    churn, words = client_of("churn"), client_of("sentiment")
    frame = pandas.DataFrame(ROWS, columns=COLUMNS)

    def answer(client, given, params=None):
        return client.invoke(given, params=params)["predictions"]

    check("mlflow ping", direct.ping)
    check("mlflow version", lambda: same(bool(direct.get_version()), True))
    check("mlflow wait_server_ready", lambda: direct.wait_server_ready(timeout=5))
    check("mlflow DataFrame", lambda: same(answer(churn, frame), labels))
    check(
        "mlflow DataFrame, columns in another order",
        lambda: same(answer(churn, frame[COLUMNS[::-1]]), labels),
    )
    check(
        "mlflow DataFrame with params",
        lambda: same(answer(churn, frame, {"temperature": 0.1}), labels),
    )
    check(
        "mlflow numpy array",
        lambda: same(answer(churn, numpy.array(ROWS, dtype=numpy.float32)), labels),
    )
    check(
        "mlflow dict of columns",
        # As text: the client's own way for dicts fails before it sends anything.
        lambda: same(
            answer(churn, json.dumps({"inputs": frame.to_dict(orient="list")})), labels
        ),
    )
    check("mlflow list of rows", lambda: same(answer(churn, ROWS), labels))
    check(
        "mlflow DataFrame of texts",
        lambda: same(
            answer(words, pandas.DataFrame({"text": TEXTS})),
            expected(url, "sentiment", TEXTS)["predictions"],
        ),
    )
    check(
        "mlflow get_predictions() is a table",
        lambda: same(churn.invoke(frame).get_predictions()[0].tolist(), labels),
    )

    def refuse():
        try:
            churn.invoke(frame.rename(columns={"age": "aged"}))
        except Exception as error:
            if "did you mean" in str(error) and "400" in str(error):
                return
            raise
        raise AssertionError("a misspelt column was answered")

    check("mlflow refusal names the column", refuse)


def run_sagemaker(url, _):
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    def rewrite(path, headers):
        model = headers.get("X-Amzn-SageMaker-Target-Model")
        if path != "/endpoints/demo/invocations":
            raise ValueError(path)
        return f"{url}/models/{model}/invoke" if model else f"{url}/invocations?model=churn"

    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=through_proxy(rewrite),
        region_name="eu-west-1",
        # Never used: the proxy checks no signature.
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"max_attempts": 1}),
    )
    truth = expected(url, "churn", ROWS)
    labels = truth["predictions"]
    csv = "\n".join(",".join(str(value) for value in row) for row in ROWS)

    def invoke(body, content_type, **more):
        reply = client.invoke_endpoint(
            EndpointName="demo", ContentType=content_type, Body=body, **more
        )
        return reply, reply["Body"].read().decode()

    def lines_out():
        body = "\n".join(json.dumps(row) for row in ROWS)
        kind = "application/jsonlines"
        reply, text = invoke(body, kind, Accept=kind)
        same(reply["ContentType"], kind)
        answers = [json.loads(line) for line in text.splitlines()]
        same([each["prediction"] for each in answers], labels)
        same([each["probability"] for each in answers], truth["probabilities"])

    def attributes():
        reply, _ = invoke(csv, "text/csv", CustomAttributes="trace=7", InferenceId="i-7")
        same(reply["CustomAttributes"], "trace=7")
        same(reply["ResponseMetadata"]["HTTPHeaders"]["x-request-id"], "i-7")

    def refused(body, content_type, status, **more):
        try:
            invoke(body, content_type, **more)
        except ClientError as error:
            same(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
            return
        raise AssertionError("it was answered")

    rows = json.dumps({"instances": ROWS})
    check(
        "sagemaker JSON",
        lambda: same(json.loads(invoke(rows, "application/json")[1]), {"predictions": labels}),
    )
    check(
        "sagemaker CSV in, JSON out",
        lambda: same(json.loads(invoke(csv, "text/csv")[1]), {"predictions": labels}),
    )
    check(
        "sagemaker CSV both ways",
        lambda: same(
            invoke(csv, "text/csv", Accept="text/csv")[1],
            "".join(f"{label}\n" for label in labels),
        ),
    )
    check("sagemaker JSON lines both ways", lines_out)
    check(
        "sagemaker TargetModel",
        lambda: same(
            json.loads(invoke(rows, "application/json", TargetModel="churn")[1]),
            {"predictions": labels},
        ),
    )
    check("sagemaker CustomAttributes, InferenceId", attributes)
    check("sagemaker 415 for another type", lambda: refused(b"x", "image/png", 415))
    check("sagemaker 400 for a wrong row", lambda: refused("1,x", "text/csv", 400))
    check(
        "sagemaker 404 for an unknown TargetModel",
        lambda: refused(rows, "application/json", 404, TargetModel="nope"),
    )


def run_kserve(url, _):
    from kserve import InferenceRESTClient, RESTConfig

    loop = asyncio.new_event_loop()
    client = InferenceRESTClient(RESTConfig(protocol="v1", retries=1))

    def wait(pending):
        return loop.run_until_complete(pending)

    truth = expected(url, "churn", ROWS)
    wanted = [
        {"label": label, "probabilities": scores}
        for label, scores in zip(truth["predictions"], truth["probabilities"])
    ]

    def infer(model, rows):
        return wait(client.infer(url, {"instances": rows}, model_name=model))["predictions"]

    def explained():
        try:
            wait(client.explain(url, "churn", {"instances": ROWS}))
        except Exception as error:
            if "501" in str(error) and "explainer" in str(error):
                return
            raise
        raise AssertionError("an explanation was given")

    def refused():
        try:
            infer("churn", [[1]])
        except Exception as error:
            if "400" in str(error) and "instances[0]" in str(error):
                return
            raise
        raise AssertionError("a short row was answered")

    check("kserve v1 is_server_live", lambda: same(wait(client.is_server_live(url)), True))
    check("kserve v1 is_model_ready", lambda: same(wait(client.is_model_ready(url, "churn")), True))
    check("kserve v1 infer rows", lambda: same(infer("churn", ROWS), wanted))
    named = [dict(zip(COLUMNS, row)) for row in ROWS]
    check("kserve v1 infer named rows", lambda: same(infer("churn", named), wanted))
    check(
        "kserve v1 infer texts",
        lambda: same(
            [each["label"] for each in infer("sentiment", TEXTS)],
            expected(url, "sentiment", TEXTS)["predictions"],
        ),
    )
    check("kserve v1 explain is 501", explained)
    check("kserve v1 refusal names the row", refused)
    wait(client.close())


def run_kserve_v2(url, target):
    import numpy
    from kserve import (
        InferenceGRPCClient,
        InferenceRESTClient,
        InferInput,
        InferRequest,
        RESTConfig,
    )

    truth = expected(url, "churn", ROWS)
    rows = numpy.array(ROWS, dtype=numpy.float32)
    loop = asyncio.new_event_loop()

    def wait(pending):
        return loop.run_until_complete(pending)

    def request(model, binary):
        tensor = InferInput("features", list(rows.shape), "FP32")
        tensor.set_data_from_numpy(rows, binary_data=binary)
        return InferRequest(model, [tensor], request_id="7")

    def answered(reply):
        outputs = {each.name: each.as_numpy() for each in reply.outputs}
        same(reply.id, "7")
        same(outputs["label"].tolist(), truth["predictions"])
        wanted = numpy.array(truth["probabilities"], dtype=numpy.float32)
        same(numpy.float32(outputs["probabilities"]).tolist(), wanted.tolist())

    def refused(call, words):
        try:
            wait(call())
        except Exception as error:
            if words in str(error):
                return
            raise
        raise AssertionError("an unknown model was answered")

    rest = InferenceRESTClient(RESTConfig(protocol="v2", retries=1))

    def over_rest(model, binary):
        return rest.infer(url, request(model, binary), model_name=model)

    check("kserve v2 REST is_server_live", lambda: same(wait(rest.is_server_live(url)), True))
    check("kserve v2 REST is_server_ready", lambda: same(wait(rest.is_server_ready(url)), True))
    check("kserve v2 REST is_model_ready", lambda: same(wait(rest.is_model_ready(url, "churn")), True))
    check("kserve v2 REST infer, JSON", lambda: answered(wait(over_rest("churn", False))))
    check("kserve v2 REST infer, binary", lambda: answered(wait(over_rest("churn", True))))
    check("kserve v2 REST unknown model", lambda: refused(lambda: over_rest("no", False), "404"))
    wait(rest.close())

    async def make():
        return InferenceGRPCClient(target, timeout=20)

    client = wait(make())

    def over_grpc(model, binary):
        return client.infer(request(model, binary))

    check("kserve v2 gRPC is_server_live", lambda: same(wait(client.is_server_live()), True))
    check("kserve v2 gRPC is_server_ready", lambda: same(wait(client.is_server_ready()), True))
    check("kserve v2 gRPC is_model_ready", lambda: same(wait(client.is_model_ready("churn")), True))
    check("kserve v2 gRPC infer, typed", lambda: answered(wait(over_grpc("churn", False))))
    check("kserve v2 gRPC infer, raw", lambda: answered(wait(over_grpc("churn", True))))
    check(
        "kserve v2 gRPC unknown model",
        lambda: refused(lambda: over_grpc("no", False), "NOT_FOUND"),
    )
    wait(client.close())


RUNS = {
    "mlflow": run_mlflow,
    "sagemaker": run_sagemaker,
    "kserve": run_kserve,
    "kserve-v2": run_kserve_v2,
}


if __name__ == "__main__":
    RUNS[sys.argv[1]](*sys.argv[2:])
    sys.exit(1 if failures else 0)
