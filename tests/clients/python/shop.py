"""A shop in FastAPI. Nothing in it knows of OpenTelemetry: opentelemetry-instrument python shop.py"""

import logging
import os

import uvicorn
from fastapi import FastAPI

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("shop")
app = FastAPI()


@app.get("/orders/{number}")
def order(number: int):
    log.info("order %d is paid", number)
    return {"order": number}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), access_log=False)
