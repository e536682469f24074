"""What forecasting refuses."""

from app.errors import Refusal


class BrokenForecast(Refusal):
    """The forecast is not used, and the last one stays: {what}"""
